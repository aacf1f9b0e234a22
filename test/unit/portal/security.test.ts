import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { XSS_PAYLOADS } from '../../support/xss-payloads.ts';
import { CODE, FORM, FROM_HERE, LOGIN, ORIGIN, openForm, startPortal } from './fixtures.ts';

const failing = () => {
  throw new AppError('NOT_FOUND', 'LOGIN_UNKNOWN', 'No.');
};

const PAGES = [
  ['the form', {}, '/device'],
  ['a slip', {}, '/device?code=x'],
  ['a wrong code', {}, '/device?code=AAAA-AAAA'],
  ['the question', {}, `/device?code=${CODE}`],
  ['the end', {}, '/oidc/callback/main?code=c&state=s'],
  ['a problem', { 'login.callback': failing }, '/oidc/callback/main?code=c&state=s'],
  ['logged out', {}, '/logout/done?state=s'],
] as const;

describe('every page', () => {
  test.each(PAGES)(
    'T-41, T-42: %s loads nothing, runs nothing, is kept and framed nowhere',
    async (_name, answers, path) => {
      const { headers = {}, text } = await startPortal(answers).ask({ path });
      const policy = headers['content-security-policy'] ?? '';
      expect(policy.split('; ').sort()).toEqual([
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        expect.stringMatching(/^style-src 'sha256-[A-Za-z0-9+/=]{44}'$/),
      ]);
      const style = /<style>(.*)<\/style>/s.exec(text)?.[1] ?? '';
      expect(policy).toContain(createHash('sha256').update(style).digest('base64'));
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(text).not.toMatch(/<script|\son[a-z]+\s*=|\sstyle\s*=|src\s*=/i);
    },
  );

  test.each(PAGES)('%s is small, has a language, a title, one heading and landmarks', async (_name, answers, path) => {
    const { text } = await startPortal(answers).ask({ path });
    expect(Buffer.byteLength(text)).toBeLessThan(10_240);
    expect(text).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(text.match(/<(h1|main|header|footer|title)[ >]/g)).toHaveLength(5);
  });

  test.each(PAGES)('HEAD of %s asks nobody and changes nothing', async (_name, answers, path) => {
    const { ask, asked } = startPortal(answers);
    const { headers } = await ask({ method: 'HEAD', path });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(asked.filter(({ method }) => method !== 'login.page')).toEqual([]);
    expect(asked).toEqual([]);
  });

  test.each(XSS_PAYLOADS)('T-41: %j is text wherever it comes from', async (nasty) => {
    const refusing = () => {
      throw new AppError('INVALID_ARGUMENT', 'X', nasty, { hint: nasty });
    };
    const login = { ...LOGIN, client: nasty, host: nasty, address: nasty, provider: nasty };
    const texts = [
      (await startPortal({ 'login.page': () => login }).ask({ path: `/device?code=${CODE}` })).text,
      (await startPortal().ask({ path: `/device?code=${encodeURIComponent(nasty)}` })).text,
      (await startPortal({ 'login.page': refusing }).ask({ path: `/device?code=${CODE}` })).text,
      (
        await startPortal({ 'login.callback': () => ({ account: nasty, client: nasty }) }).ask({
          path: '/oidc/callback/a',
        })
      ).text,
    ];
    for (const text of texts)
      expect(tagsOf(text)).toEqual(expect.not.arrayContaining(['script', 'img', 'svg', 'iframe']));
    const plain = await startPortal().ask({ path: `/device?code=${CODE}` });
    expect(tagsOf(texts[0] ?? '')).toEqual(tagsOf(plain.text));
  });
});

const tagsOf = (text: string) => [...text.matchAll(/<([a-z0-9]+)/gi)].map(([, name]) => name);

describe('the cookie', () => {
  test('T-43: 256 random bits, for this host alone, out of reach of scripts and of posts from elsewhere', async () => {
    const { page } = await openForm(startPortal());
    expect(page.headers?.['set-cookie']).toMatch(
      /^__Host-fedctl-login=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax; Secure$/,
    );
    const { page: other } = await openForm(startPortal());
    expect(other.headers?.['set-cookie']).not.toBe(page.headers?.['set-cookie']);
  });

  test('on a plaintext server of this machine it has a name that plain HTTP may have', async () => {
    const portal = startPortal({}, 'http://127.0.0.1:9094');
    const { page } = await openForm(portal);
    expect(page.headers?.['set-cookie']).toMatch(/^fedctl-login=[A-Za-z0-9_-]{43}; .*SameSite=Lax$/);
  });

  test('a second tab keeps the secret of the first', async () => {
    const portal = startPortal();
    const { cookie } = await openForm(portal);
    expect((await openForm(portal, CODE, { cookie })).cookie).toBe(cookie);
  });

  test.each([
    ['too short', '__Host-fedctl-login=abc'],
    ['of another alphabet', `__Host-fedctl-login=${'*'.repeat(43)}`],
    ['without the prefix', `fedctl-login=${'a'.repeat(43)}`],
    ['there twice', `__Host-fedctl-login=${'a'.repeat(43)}; __Host-fedctl-login=${'b'.repeat(43)}`],
  ])('one that is %s counts as none: there is a new one', async (_name, given) => {
    const portal = startPortal();
    const { cookie } = await openForm(portal, CODE, { cookie: given });
    expect(cookie).toMatch(/^__Host-fedctl-login=[A-Za-z0-9_-]{43}$/);
    expect(given).not.toContain(cookie.split('=')[1]);
  });
});

interface Forgery {
  readonly headers?: IncomingHttpHeaders;
  readonly token?: string;
  readonly cookie?: string;
  readonly body?: string;
}

const FORGERIES: readonly (readonly [string, Forgery])[] = [
  ['from another site', { headers: { ...FORM, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' } }],
  ['from a sister host', { headers: { ...FORM, origin: 'https://other.example.test', 'sec-fetch-site': 'same-site' } }],
  ['from another port', { headers: { ...FORM, origin: 'https://fed.example.test', 'sec-fetch-site': 'same-site' } }],
  ['over plain HTTP', { headers: { ...FORM, origin: ORIGIN.replace('https', 'http') } }],
  ['from nowhere: typed, or of an extension', { headers: { ...FORM, origin: ORIGIN, 'sec-fetch-site': 'none' } }],
  ['without an origin', { headers: { ...FORM, 'sec-fetch-site': 'same-origin' } }],
  ['without any word of where it stood', { headers: FORM }],
  ['of a page with no origin', { headers: { ...FORM, origin: 'null' } }],
  [
    'with another origin than its site says',
    { headers: { ...FORM, origin: 'https://evil.test', 'sec-fetch-site': 'same-origin' } },
  ],
  ['without a token', { token: '' }],
  ['with the token of another browser', { cookie: `__Host-fedctl-login=${'a'.repeat(43)}` }],
  ['without a cookie', { cookie: '' }],
  ['of another kind', { headers: { ...FROM_HERE, 'content-type': 'text/plain' } }],
  ['with no answer', { body: 'none' }],
];

describe('forms', () => {
  test.each(FORGERIES)('T-40: one %s does nothing', async (_name, forgery) => {
    for (const answer of ['yes', 'no']) {
      const portal = startPortal();
      const form = await openForm(portal);
      const fields = { code: CODE, token: forgery.token ?? form.token, answer: forgery.body ?? answer };
      const { status } = await portal.ask({
        method: 'POST',
        path: '/device',
        headers: { ...(forgery.headers ?? FROM_HERE), cookie: forgery.cookie ?? form.cookie },
        body: new URLSearchParams(fields).toString(),
      });
      expect(status).toBe(403);
      expect(portal.asked.map(({ method }) => method)).toEqual(['login.page']);
    }
  });

  test('T-40: a token is for one code', async () => {
    const portal = startPortal();
    const { cookie, token } = await openForm(portal);
    const body = new URLSearchParams({ code: 'ZZZZ-ZZZZ', token, answer: 'yes' }).toString();
    const { status } = await portal.ask({ method: 'POST', path: '/device', headers: { ...FROM_HERE, cookie }, body });
    expect(status).toBe(403);
  });

  test.each([
    ['with both', FROM_HERE],
    ['whose referrer policy hides the origin', { ...FROM_HERE, origin: 'null' }],
    ['that knows Origin alone', { ...FORM, origin: ORIGIN }],
  ])('one of our page is taken from a browser %s', async (_name, headers) => {
    const portal = startPortal();
    const { cookie, token } = await openForm(portal);
    const body = new URLSearchParams({ code: CODE, token, answer: 'no' }).toString();
    const { status } = await portal.ask({ method: 'POST', path: '/device', headers: { ...headers, cookie }, body });
    expect(status).toBe(200);
  });

  test('T-40: nothing but looking goes by GET', () => {
    const { routes } = startPortal();
    expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /device',
      'GET /logout/done',
      'GET /oidc/callback/',
      'POST /device',
      'POST /oidc/backchannel-logout/',
    ]);
  });
});
