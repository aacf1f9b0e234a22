import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { invitePeople, type People } from '../support/people.ts';
import { type Chromium, openChromium, type Visitor } from './chromium.ts';
import { goThrough, openLogins, signIn } from './logins.ts';
import { devIdpPages, devicePage, endPage, heading, LOGGED_IN } from './pages.ts';
import { passwordOf, sharedStage } from './stage/shared.ts';

// Each goes through several processes, on machines that may be busy.
jest.setTimeout(120_000);

const stage = sharedStage();
const logins = openLogins();
let chromium: Chromium;
let visitor: Visitor;
let page: Page;
let people: People;

beforeAll(async () => {
  chromium = await openChromium();
  people = invitePeople(stage.stack);
});
afterAll(async () => {
  people.leave();
  await chromium.close();
});
beforeEach(async () => {
  visitor = await chromium.visitor();
  page = await visitor.tab();
});
afterEach(async () => {
  logins.end();
  const { offences } = visitor;
  await visitor.leave();
  expect(offences).toEqual([]);
});

/** Where the provider would send this browser once its question is answered; the browser stays where it is. */
async function wayBack(tab: Page): Promise<string> {
  await tab.getByRole('button', { name: 'Allow' }).waitFor();
  const { request } = tab.context();
  const once = { maxRedirects: 0 };
  const answered = await request.post(tab.url(), { ...once, form: { prompt: 'consent' } });
  const resumed = await request.get(answered.headers().location ?? '', once);
  return resumed.headers().location ?? '';
}

describe('the device page in Chromium', () => {
  test('DG-12: fedctl login: who asks, is this you, sign in, done; the terminal goes on', async () => {
    const person = people.person('alice');
    const login = await logins.start(person);
    await page.goto(login.url);
    expect(await heading(page)).toBe('Is this you?');
    expect(await devicePage(page).code()).toBe(login.code);
    const { Program, Address, Asked } = await devicePage(page).facts();
    expect(Program).toMatch(/^fedctl/);
    expect(Address).toBe('127.0.0.1');
    expect(Asked).toMatch(/^just now/);
    await devicePage(page).confirm();
    await page.waitForURL(`${stage.stack.issuer}/**`);
    await signIn(stage, page, 'alice');
    await endPage(page).reached(LOGGED_IN);
    const text = await endPage(page).text();
    expect(text).toMatch(/fedctl\S* .*is now logged in as alice\./);
    expect(text).toContain('You may close this window');
    expect((await login.ended()).code).toBe(0);
    expect(await person.json(['whoami'])).toMatchObject({ account: 'alice' });
  });

  test('an unmodified flwr 1.32.1 logs in over it too', async () => {
    const person = people.person('bob');
    const program = person.flwr.start('login');
    await program.until('/device');
    const url = /https:\/\/\S+\/device\?\S*code=[A-Z0-9-]+/.exec(program.out() + program.err())?.[0] ?? '';
    await goThrough(stage, page, { url, name: 'bob' });
    expect((await program.ended).code).toBe(0);
    expect(person.flwr.tokens().access).toMatch(/^ey/);
  });

  test('the code may be typed, in small letters and with a space', async () => {
    const login = await logins.start(people.person('carol'));
    await page.goto(`${stage.stack.https}/device`);
    expect(await page.getByLabel('Code').evaluate((input) => input === input.ownerDocument.activeElement)).toBe(true);
    await devicePage(page).enter(login.code.toLowerCase().replace('-', ' '));
    expect(await devicePage(page).code()).toBe(login.code);
    await devicePage(page).refuse();
    expect((await login.ended()).code).not.toBe(0);
  });

  test('refused on our page: the terminal says so, and the code is worth nothing', async () => {
    const login = await logins.start(people.person('alice'));
    await page.goto(login.url);
    await devicePage(page).refuse();
    expect(await heading(page)).toBe('Refused');
    const { code, stderr } = await login.ended();
    expect(code).not.toBe(0);
    expect(stderr).toContain('denied');
    await page.goto(login.url);
    expect(await devicePage(page).problem()).not.toBe('');
  });

  test('refused at the provider: told on the page and in the terminal', async () => {
    const login = await logins.start(people.person('alice'));
    await page.goto(login.url);
    await devicePage(page).confirm();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').waitFor();
    expect(new URL(page.url()).origin).toBe(stage.stack.https);
    expect((await login.ended()).code).not.toBe(0);
  });

  test('a wrong code: the form again, with what is wrong', async () => {
    await page.goto(`${stage.stack.https}/device`);
    await devicePage(page).enter('BBBB-BBBB');
    expect(await devicePage(page).problem()).toMatch(/code/i);
    await page.getByLabel('Code').waitFor();
  });

  test('two tabs of one browser: each ends its own login', async () => {
    const [first, second] = [await logins.start(people.person('alice')), await logins.start(people.person('carol'))];
    const other = await visitor.tab();
    await page.goto(first.url);
    await other.goto(second.url);
    await devicePage(page).confirm();
    await devicePage(other).confirm();
    await signIn(stage, page, 'alice');
    await endPage(page).reached(LOGGED_IN);
    await signIn(stage, other, 'carol');
    await endPage(other).reached(LOGGED_IN);
    expect((await first.ended()).code).toBe(0);
    expect((await second.ended()).code).toBe(0);
  });

  test('back and yes once more goes on', async () => {
    const login = await logins.start(people.person('alice'));
    await page.goto(login.url);
    await devicePage(page).confirm();
    await page.getByLabel('Account').waitFor();
    await goThrough(stage, page, { url: login.url, name: 'alice' });
    expect((await login.ended()).code).toBe(0);
  });

  test('BC-03: the way back stolen by another browser is refused, and ends nothing', async () => {
    const login = await logins.start(people.person('alice'));
    await page.goto(login.url);
    await devicePage(page).confirm();
    await devIdpPages(page).logIn('alice', passwordOf(stage, 'alice'));
    const url = await wayBack(page);
    const thief = await chromium.visitor();
    const tab = await thief.tab();
    await tab.goto(url);
    expect(await endPage(tab).heading()).not.toBe(LOGGED_IN);
    // With a cookie of its own, too.
    await tab.goto(login.url).catch(() => undefined);
    await tab.goto(url);
    expect(await endPage(tab).heading()).not.toBe(LOGGED_IN);
    await thief.leave();
    await page.goto(url);
    expect(await endPage(page).heading()).toBe(LOGGED_IN);
    expect((await login.ended()).code).toBe(0);
    // And used up.
    await page.goto(url);
    expect(await endPage(page).heading()).not.toBe(LOGGED_IN);
  });

  test('--prompt login asks again although the provider knows the browser', async () => {
    const first = await logins.start(people.person('alice'));
    await goThrough(stage, page, { url: first.url, name: 'alice' });
    const second = await logins.start(people.person('alice'), '--prompt', 'login');
    await page.goto(second.url);
    await devicePage(page).confirm();
    await devIdpPages(page).logIn('alice', passwordOf(stage, 'alice'));
    await endPage(page).reached(LOGGED_IN);
    expect((await second.ended()).code).toBe(0);
  });
});
