import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { CODE, FROM_HERE, openForm, PROVIDER_URL, startPortal } from './fixtures.ts';

const answerForm = (token: string, answer: string, code = CODE) =>
  new URLSearchParams({ code, token, answer }).toString();

describe('the device page', () => {
  test('asks for the code, with the cursor in it and no memory of others', async () => {
    const { ask, asked } = startPortal();
    const { status, text } = await ask({ path: '/device' });
    expect(status).toBe(200);
    expect(text).toMatch(
      /<label for="code">.*<input id="code" name="code" [^>]*required autofocus autocomplete="off"/s,
    );
    expect(asked).toEqual([]);
  });

  test('DG-12: shows who asks, from where, since when, for what, and warns of links from others', async () => {
    const { ask, asked } = startPortal();
    const headers = { 'user-agent': 'Mozilla/5.0' };
    const { status, text } = await ask({ path: `/device?code=${CODE}`, headers });
    expect(status).toBe(200);
    for (const fact of [CODE, 'fedctl/0.1.0', 'laptop', '192.0.2.7', 'fed.example.test:9094', 'Example ID'])
      expect(text).toContain(fact);
    expect(text).toContain('2 minutes ago (12:02 UTC)');
    expect(text).toContain('whatever your account may do');
    expect(text).toContain('Did somebody send you here?');
    const peer = { address: '192.0.2.9', userAgent: 'Mozilla/5.0' };
    expect(asked).toEqual([{ method: 'login.page', input: { userCode: CODE }, peer }]);
  });

  test.each(['bcdfghjk', 'bcdf-ghjk', ' BCDF GHJK ', 'b c d f – g h j k'])(
    'takes the code as typed: "%s"',
    async (typed) => {
      const { ask, asked } = startPortal();
      await ask({ path: `/device?code=${encodeURIComponent(typed)}` });
      expect(asked).toMatchObject([{ input: { userCode: CODE } }]);
    },
  );

  test.each(['BCDF', 'BCDF-GHJK-LMNP', '<b>', 'BCDFGHJ\u212a', 'x'.repeat(1000)])(
    'a slip costs no attempt: "%s"',
    async (typed) => {
      const { ask, asked } = startPortal();
      const { status, text } = await ask({ path: `/device?code=${encodeURIComponent(typed)}` });
      expect(status).toBe(400);
      expect(text).toContain('role="alert"');
      expect(text).not.toContain('<b>&');
      expect(asked).toEqual([]);
    },
  );

  test('a code that leads nowhere: the form again, with what to do', async () => {
    const { ask } = startPortal();
    const { status, text } = await ask({ path: '/device?code=AAAA-AAAA' });
    expect(status).toBe(404);
    expect(text).toMatch(/role="alert"[^>]*>There is no login with that code. Look again.<.*value="AAAA-AAAA"/s);
  });

  test('too many attempts: 429 with the time to wait', async () => {
    const { ask } = startPortal({
      'login.page': () => {
        throw new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_ATTEMPTS', 'Too many codes.', { retryAfterMs: 12_300 });
      },
    });
    const { status, headers, text } = await ask({ path: `/device?code=${CODE}` });
    expect([status, headers?.['retry-after']]).toEqual([429, '13']);
    expect(text).toMatch(/Too many codes\..*Reference: ref-1/s);
  });

  test('what nobody foresaw gives a reference and nothing else', async () => {
    const { ask } = startPortal({
      'login.page': () => {
        throw new Error('secret detail');
      },
    });
    const { status, text } = await ask({ path: `/device?code=${CODE}` });
    expect(status).toBe(500);
    expect(text).toContain('ref-1');
    expect(text).not.toContain('secret detail');
  });

  test('yes: the browser is bound to the login, then goes to the provider', async () => {
    const portal = startPortal();
    const { cookie, token } = await openForm(portal);
    const headers = { ...FROM_HERE, cookie };
    const { status, text } = await portal.ask({
      method: 'POST',
      path: '/device',
      headers,
      body: answerForm(token, 'yes'),
    });
    expect(status).toBe(200);
    const escaped = PROVIDER_URL.replace(/[&=]/g, (char) => `&#${char.charCodeAt(0)};`);
    expect(text).toContain(`<meta http-equiv="refresh" content="0; url&#61;${escaped}">`);
    expect(text).toContain(`<a href="${escaped}">`);
    const secret = cookie.split('=')[1];
    expect(portal.asked.at(-1)).toMatchObject({ method: 'login.confirm', input: { userCode: CODE, browser: secret } });
  });

  test('no: the login ends', async () => {
    const portal = startPortal();
    const { cookie, token } = await openForm(portal);
    const headers = { ...FROM_HERE, cookie };
    const { status, text } = await portal.ask({
      method: 'POST',
      path: '/device',
      headers,
      body: answerForm(token, 'no'),
    });
    expect(status).toBe(200);
    expect(text).toContain('Nobody has been logged in');
    expect(portal.asked.at(-1)).toMatchObject({ method: 'login.deny', input: { userCode: CODE } });
  });

  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    '/device',
    'not a url',
    `https://idp.test/?${'x'.repeat(9000)}`,
  ])('BC-02: no browser is sent to %.40s', async (authorizationUrl) => {
    const portal = startPortal({ 'login.confirm': () => ({ authorizationUrl }) });
    const { cookie, token } = await openForm(portal);
    const headers = { ...FROM_HERE, cookie };
    const reply = await portal.ask({ method: 'POST', path: '/device', headers, body: answerForm(token, 'yes') });
    expect(reply.status).toBe(502);
    expect(reply.text).not.toContain('http-equiv="refresh"');
  });
});

describe('the way back from the provider', () => {
  test('each parameter that stands once goes on, with the secret of this browser', async () => {
    const portal = startPortal();
    const { cookie } = await openForm(portal);
    const query = 'code=c&state=s&iss=https%3A%2F%2Fidp&next=//evil&error_description=a&error_description=b';
    const { status, text } = await portal.ask({ path: `/oidc/callback/main?${query}`, headers: { cookie } });
    expect(status).toBe(200);
    expect(text).toMatch(/fedctl\/0\.1\.0<\/b> is now logged in as <b>alice<.*You may close this window/s);
    expect(text).not.toContain('evil');
    const answer = { code: 'c', state: 's', iss: 'https://idp', error: '', errorDescription: '' };
    expect(portal.asked.at(-1)).toMatchObject({
      method: 'login.callback',
      input: { provider: 'main', answer, browser: cookie.split('=')[1] },
    });
  });

  test('BC-03: a browser without the cookie is told apart', async () => {
    const { ask, asked } = startPortal();
    await ask({ path: '/oidc/callback/main?code=c&state=s' });
    expect(asked).toMatchObject([{ input: { browser: '' } }]);
  });

  test.each([
    ['UNAUTHENTICATED', 'LOGIN_ANSWER_REFUSED', 400],
    ['PERMISSION_DENIED', 'LOGIN_DENIED', 403],
    ['UNAVAILABLE', 'IDENTITY_PROVIDER_UNAVAILABLE', 503],
  ] as const)('%s is a page of its own', async (code, reason, status) => {
    const { ask } = startPortal({
      'login.callback': () => {
        throw new AppError(code, reason, 'It <b>failed</b>.', { hint: 'Do <i>this</i>.' });
      },
    });
    const reply = await ask({ path: '/oidc/callback/main?code=c&state=s' });
    expect(reply.status).toBe(status);
    expect(reply.text).toContain('It &#60;b&#62;failed&#60;/b&#62;.');
    expect(reply.text).toContain('Do &#60;i&#62;this&#60;/i&#62;.');
  });
});
