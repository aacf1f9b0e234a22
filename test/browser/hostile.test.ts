import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openWire, type Wire } from '../support/calls.ts';
import { XSS_PAYLOADS } from '../support/xss-payloads.ts';
import { type Chromium, openChromium } from './chromium.ts';
import { devicePage, heading } from './pages.ts';
import { sharedStage } from './stage/shared.ts';

// Each goes through several processes, on machines that may be busy.
jest.setTimeout(120_000);

const stage = sharedStage();
const { https } = stage.stack;
let chromium: Chromium;
let wire: Wire;

beforeAll(async () => {
  chromium = await openChromium();
  wire = openWire({ address: stage.stack.address, ca: stage.stack.ca });
});
afterAll(async () => {
  wire.close();
  await chromium.close();
});

/** A login asked for by somebody who wants to be on the page. */
async function askAs(client: string, host: string): Promise<string> {
  const request = { provider: '', client, host, grant: 'device_code', redirectUri: '', prompt: '', scopes: [] };
  const rest = { acrValues: [], loginHint: '' };
  const { code, messages } = await wire.call('/fedctl.v1.Sessions/StartLogin', { request: { ...request, ...rest } });
  if (code !== 0) throw new Error(`StartLogin: ${code}`);
  return (messages[0] as { userCode: string }).userCode;
}

describe('hostile text in Chromium', () => {
  test(`T-41: ${XSS_PAYLOADS.length} payloads as program, host and code: no dialog, no request, no policy broken`, async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).origin));
    for (const nasty of XSS_PAYLOADS) {
      const code = await askAs(nasty, nasty);
      await page.goto(`${https}/device?code=${code}`);
      expect(await heading(page)).toBe('Is this you?');
      expect(await devicePage(page).code()).toBe(code);
      expect(await page.locator('script, img, svg, iframe, object, base, math, details').count()).toBe(0);
      expect(await page.locator('form').count()).toBe(1);
      await page.goto(`${https}/device?code=${encodeURIComponent(nasty)}`);
      expect(await heading(page)).toBe('Which code do you see?');
    }
    expect(visitor.offences).toEqual([]);
    expect([...new Set(requests)]).toEqual([https]);
    await visitor.leave();
  });

  test('T-41: and in what a provider sends back: state, error and its description', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    for (const nasty of XSS_PAYLOADS) {
      const query = new URLSearchParams({ error: nasty, error_description: nasty, state: nasty, iss: nasty });
      await page.goto(`${https}/oidc/callback/dev?${query}`);
      expect(await page.getByRole('alert').count()).toBe(1);
      await page.goto(`${https}/logout/done?${new URLSearchParams({ state: nasty })}`);
      expect(await page.getByRole('alert').count()).toBe(1);
    }
    expect(visitor.offences).toEqual([]);
    await visitor.leave();
  });

  test('T-42: no page shows in a frame of another site', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    await page.route('https://evil.test/', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<iframe src="${https}/device"></iframe>` }),
    );
    await page.goto('https://evil.test/');
    const frame = page.frames()[1];
    expect(await frame?.getByLabel('Code').count()).toBe(0);
    await visitor.leave();
  });

  test('T-40: a form of another site is refused, although the browser has our cookie', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    const code = await askAs('fedctl', 'laptop');
    await page.goto(`${https}/device?code=${code}`);
    const token = await page.locator('input[name=token]').inputValue();
    const fields = Object.entries({ code, token, answer: 'yes' });
    const inputs = fields.map(([name, value]) => `<input name="${name}" value="${value}">`).join('');
    await page.route('https://evil.test/', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" action="${https}/device">${inputs}<button>go</button></form>`,
      }),
    );
    await page.goto('https://evil.test/');
    const answered = page.waitForResponse(`${https}/device`);
    await page.getByRole('button', { name: 'go' }).click();
    expect((await answered).status()).toBe(403);
    await page.goto(`${https}/device?code=${code}`);
    expect(await heading(page)).toBe('Is this you?');
    await visitor.leave();
  });

  test('T-43: the cookie is for this host, for HTTPS, and out of reach of scripts', async () => {
    const visitor = await chromium.visitor();
    const page = await visitor.tab();
    await page.goto(`${https}/device?code=${await askAs('fedctl', 'laptop')}`);
    const cookies = (await visitor.context.cookies()).map(({ name, secure, httpOnly, sameSite, path, domain }) => ({
      ...{ name, secure, httpOnly, sameSite, path, domain },
    }));
    const kind = { secure: true, httpOnly: true, sameSite: 'Lax', path: '/', domain: '127.0.0.1' };
    expect(cookies).toEqual([{ name: '__Host-fedctl-login', ...kind }]);
    await visitor.leave();
  });
});
