import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { invitePeople, type People } from '../support/people.ts';
import { type Chromium, openChromium } from './chromium.ts';
import { openLogins, signIn } from './logins.ts';
import { devIdpPages, devicePage, endPage, LOGGED_IN } from './pages.ts';
import { passwordOf, sharedStage } from './stage/shared.ts';

// Each goes through several processes, on machines that may be busy.
jest.setTimeout(120_000);

const stage = sharedStage();
const { https } = stage.stack;
const logins = openLogins();
let chromium: Chromium;
let people: People;

beforeAll(async () => {
  chromium = await openChromium();
  people = invitePeople(stage.stack);
});
afterAll(async () => {
  logins.end();
  people.leave();
  await chromium.close();
});

/** What axe finds, as "rule: element". */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Pictures for people to look at, where somebody wants them. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.FEDCTL_TEST_PICTURES;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const SCREENS = [
  ['light', { colorScheme: 'light', viewport: { width: 1024, height: 768 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1024, height: 768 } }],
  ['phone', { colorScheme: 'light', viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 }],
] as const;

describe.each(SCREENS)('pages on a %s screen', (screen, options) => {
  test('axe finds nothing on any of them, none is wider than the screen, each is under 10 KB', async () => {
    const visitor = await chromium.visitor(options);
    const page = await visitor.tab();
    const found: Record<string, string[]> = {};
    const look = async (name: string): Promise<void> => {
      found[name] = await faultsOf(page);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (width > options.viewport.width) found[name].push(`wider than the screen: ${width}`);
      const size = Buffer.byteLength(await page.content());
      if (size > 10_240) found[name].push(`${size} bytes`);
      await picture(page, `${name}-${screen}`);
    };
    await page.goto(`${https}/device`);
    await look('enter');
    await page.goto(`${https}/device?code=BBBB-BBBB`);
    await look('wrong-code');
    await page.goto(`${https}/oidc/callback/dev?state=x&code=y`);
    await look('problem');
    await page.goto(`${https}/logout/done?state=x`);
    await look('logout-problem');

    const refused = await logins.start(people.person('bob'));
    await page.goto(refused.url);
    await look('question');
    await devicePage(page).refuse();
    await look('refused');
    await refused.ended();

    const login = await logins.start(people.person('alice'));
    await page.goto(login.url);
    await devicePage(page).confirm();
    await page.getByLabel('Account').waitFor();
    await look('provider-login');
    await devIdpPages(page).logIn('alice', passwordOf(stage, 'alice'));
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    await look('provider-question');
    await devIdpPages(page).allow();
    await endPage(page).reached(LOGGED_IN);
    await look('done');
    await login.ended();

    const code = await logins.start(people.person('alice'), '--grant', 'code', '--redirect-port', '0');
    await page.goto(code.url);
    await endPage(page).reached('Back to your terminal');
    await look('back-to-terminal');
    await code.ended();
    expect(Object.entries(found).filter(([, faults]) => faults.length > 0)).toEqual([]);
    expect(Object.keys(found)).toHaveLength(10);
    await visitor.leave();
  });
});

describe('with the keyboard alone', () => {
  test('the order is that of the page, every stop can be seen, and Enter answers', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    const login = await logins.start(people.person('carol'));
    await page.goto(login.url);
    const stops: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      stops.push((await focused.textContent()) ?? '');
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    }
    expect(stops).toEqual(['Yes, sign in', 'No, refuse']);
    await page.keyboard.press('Enter');
    await endPage(page).reached('Refused');
    expect((await login.ended()).code).not.toBe(0);
    await visitor.leave();
  });

  test('a page without JavaScript is the same page', async () => {
    const visitor = await chromium.visitor({ javaScriptEnabled: false });
    const page = await visitor.tab();
    const login = await logins.start(people.person('carol'));
    await page.goto(`${https}/device`);
    await devicePage(page).enter(login.code);
    await devicePage(page).confirm();
    await signIn(stage, page, 'carol');
    await endPage(page).reached(LOGGED_IN);
    expect((await login.ended()).code).toBe(0);
    await visitor.leave();
  });
});
