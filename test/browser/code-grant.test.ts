import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { invitePeople, type People } from '../support/people.ts';
import { type Chromium, openChromium, type Visitor } from './chromium.ts';
import { openLogins, signIn } from './logins.ts';
import { devIdpPages, endPage } from './pages.ts';
import { sharedStage } from './stage/shared.ts';

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
  await visitor.leave();
});

const CODE_GRANT = ['--grant', 'code', '--redirect-port', '0'];
const BACK = 'Back to your terminal';

describe('the code grant in Chromium', () => {
  test('fedctl login --grant code: sign in, and the listener says that the window may be closed', async () => {
    const person = people.person('alice');
    const login = await logins.start(person, ...CODE_GRANT);
    await page.goto(login.url);
    await signIn(stage, page, 'alice');
    await endPage(page).reached(BACK);
    expect(await endPage(page).text()).toContain('You may close this window');
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    expect((await login.ended()).code).toBe(0);
    expect(await person.json(['whoami'])).toMatchObject({ account: 'alice' });
    expect(visitor.offences).toEqual([]);
  });

  test('a second login in the same browser needs no password', async () => {
    const person = people.person('bob');
    for (const signs of [true, false]) {
      const login = await logins.start(person, ...CODE_GRANT);
      await page.goto(login.url);
      if (signs) await signIn(stage, page, 'bob');
      await endPage(page).reached(BACK);
      expect((await login.ended()).code).toBe(0);
    }
  });

  test('refused at the provider: both ends say so', async () => {
    const login = await logins.start(people.person('carol'), ...CODE_GRANT);
    await page.goto(login.url);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await endPage(page).reached('Not logged in');
    expect((await login.ended()).code).not.toBe(0);
  });
});

describe('logging out in Chromium', () => {
  test('LO-01: who logs out at the provider is logged out here', async () => {
    const person = people.person('alice');
    const login = await logins.start(person, ...CODE_GRANT);
    await page.goto(login.url);
    await signIn(stage, page, 'alice');
    await endPage(page).reached(BACK);
    expect((await login.ended()).code).toBe(0);
    expect((await person.fedctl('whoami')).code).toBe(0);
    await page.goto(`${stage.stack.issuer}/session/end`);
    await devIdpPages(page).logOut();
    await endPage(page).reached('You are logged out');
    const { code, stderr } = await person.fedctl('whoami');
    expect(code).toBe(3);
    expect(stderr).toMatch(/fedctl login/);
  });

  test('LO-04: fedctl logout tells where to end the session at the provider; from there the browser comes back to us', async () => {
    const person = people.person('bob');
    const login = await logins.start(person, ...CODE_GRANT);
    await page.goto(login.url);
    await signIn(stage, page, 'bob');
    await endPage(page).reached(BACK);
    expect((await login.ended()).code).toBe(0);
    const { 'end-session-url': url } = await person.json(['logout', '--provider']);
    await page.goto(String(url));
    await devIdpPages(page).logOut();
    await endPage(page).reached('You are logged out');
    expect(new URL(page.url()).origin).toBe(stage.stack.https);
    // Its state counts once.
    await page.reload();
    expect(await page.getByRole('alert').count()).toBe(1);
    const next = await logins.start(person, ...CODE_GRANT);
    await page.goto(next.url);
    await page.getByLabel('Password').waitFor();
  });
});
