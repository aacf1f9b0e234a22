import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AuthorizationAnswer } from '../../../src/core/services.ts';
import { createProvider } from '../../../src/server/identity/provider.ts';
import { answerOf, type EvilIdp, evilMetadata, startEvilIdp } from '../../support/evil-idp.ts';
import { browserSecret, person, signInByPage, tokensOf, withoutDevice } from './people.ts';
import { asked, type Bench, evilIssuer, openBench, peer, providerOf, reasonOf } from './setup.ts';

/** What must not become a login, whatever a browser brings to the redirect URI. */
let idp: EvilIdp;
let bench: Bench;
const ended: (() => Promise<void>)[] = [];

beforeEach(async () => {
  idp = await startEvilIdp();
  withoutDevice(idp);
  bench = await openBench(evilIssuer(idp));
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await bench.cleanup();
  await idp.stop();
});

const REFUSED = 'LOGIN_ANSWER_REFUSED';
const callback = (answer: AuthorizationAnswer, browser: string, alias = 'test') =>
  reasonOf(bench.pages.callback(alias, answer, browser, person));

describe('BC-03: an answer belongs to one login and one browser, once', () => {
  test('another browser, no cookie, a swapped state; and the login goes on', async () => {
    const one = await signInByPage(bench, idp);
    const two = await signInByPage(bench, idp);
    expect(await callback(one.answer, two.browser)).toBe(REFUSED);
    expect(await callback(one.answer, '')).toBe(REFUSED);
    expect(await callback({ ...one.answer, state: two.answer.state }, one.browser)).toBe(REFUSED);
    expect(await callback({ ...one.answer, state: '' }, one.browser)).toBe(REFUSED);
    expect(await callback({ ...one.answer, state: 'x'.repeat(100_000) }, one.browser)).toBe(REFUSED);
    expect(idp.count('/token')).toBe(0);
    expect(await callback(one.answer, one.browser)).toBe('no error');
    expect(await callback(two.answer, two.browser)).toBe('no error');
  });

  test('a replay, also of many at once', async () => {
    const { answer, browser } = await signInByPage(bench, idp);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => callback(answer, browser)));
    expect(outcomes.filter((outcome) => outcome === 'no error')).toHaveLength(1);
    expect(await callback(answer, browser)).toBe(REFUSED);
    expect(idp.count('/token')).toBe(1);
  });

  test('the code of somebody else (PKCE), with the right state', async () => {
    const [mine, theirs] = [await signInByPage(bench, idp), await signInByPage(bench, idp)];
    expect(await callback({ ...mine.answer, code: theirs.answer.code }, mine.browser)).toBe(REFUSED);
    expect(await reasonOf(bench.login.poll(mine.handle))).toBe(REFUSED);
  });

  test('a login that nobody confirmed, or that is over', async () => {
    const { answer, browser } = await signInByPage(bench, idp);
    bench.clock.advance(600_000);
    expect(await callback(answer, browser)).toBe(REFUSED);
    const code = await bench.login.start(
      { ...asked, grant: 'code', redirectUri: 'http://127.0.0.1:1/oauth/callback' },
      peer,
    );
    const location = await idp.signIn(code.authorizationUrl);
    expect(await callback(answerOf(location), browser)).toBe(REFUSED);
  });
});

describe('RFC 9207', () => {
  const variants = (issuer: string) => {
    const url = new URL(issuer);
    return ['', `${issuer}/`, issuer.toUpperCase(), `http://localhost:${url.port}`, `${issuer}:80`, ` ${issuer}`];
  };

  test('IS-01, IS-02: no iss, or any other spelling, is refused before any request', async () => {
    for (const iss of variants(idp.issuer)) {
      const { answer, browser, handle } = await signInByPage(bench, idp);
      expect([iss, await callback({ ...answer, iss }, browser)]).toEqual([iss, REFUSED]);
      expect(await reasonOf(bench.login.poll(handle))).toBe(REFUSED);
    }
    expect(idp.count('/token')).toBe(0);
  });

  test('IS-02: also with an error, and where the provider does not promise an iss', async () => {
    const { answer, browser } = await signInByPage(bench, idp);
    expect(await callback({ ...answer, error: 'access_denied', iss: 'https://evil.example' }, browser)).toBe(REFUSED);
    withoutDevice(idp, { authorization_response_iss_parameter_supported: undefined });
    const quiet = await openBench(evilIssuer(idp));
    ended.push(() => quiet.cleanup());
    const silent = await signInByPage(quiet, idp);
    const other = { ...silent.answer, iss: 'https://evil.example' };
    expect(await reasonOf(quiet.pages.callback('test', other, silent.browser, person))).toBe(REFUSED);
    const without = await signInByPage(quiet, idp);
    const plain = { ...without.answer, iss: '' };
    expect(await reasonOf(quiet.pages.callback('test', plain, without.browser, person))).toBe('no error');
  });
});

test('BC-07: with two issuers each has its redirect URI; an answer at the other one is refused', async () => {
  const other = await startEvilIdp();
  ended.push(() => other.stop());
  withoutDevice(other, { authorization_response_iss_parameter_supported: undefined });
  withoutDevice(idp, { authorization_response_iss_parameter_supported: undefined });
  const both = [providerOf(evilIssuer(idp)), { ...providerOf(evilIssuer(other)), alias: 'other' }];
  const two = await openBench(evilIssuer(idp), { providers: both });
  ended.push(() => two.cleanup());
  const { answer, browser, authorizationUrl } = await signInByPage(two, idp);
  expect(new URL(authorizationUrl).searchParams.get('redirect_uri')).toMatch(/\/oidc\/callback\/test$/);
  const mixed = { ...answer, iss: '' };
  expect(await reasonOf(two.pages.callback('other', mixed, browser, person))).toBe(REFUSED);
  expect(await reasonOf(two.pages.callback('nobody', mixed, browser, person))).toBe(REFUSED);
  expect([idp.count('/token'), other.count('/token')]).toEqual([0, 0]);
  // Without RFC 9207 nothing tells two issuers apart at the loopback listener.
  const code = { ...asked, grant: 'code', redirectUri: 'http://127.0.0.1:31111/oauth/callback' } as const;
  expect(await reasonOf(two.login.start(code, peer))).toBe('GRANT_NOT_OFFERED');
});

describe('BC-08: our secret goes to the issuer that it belongs to', () => {
  test.each(['token_endpoint', 'device_authorization_endpoint', 'revocation_endpoint'])(
    'a foreign %s',
    async (name) => {
      const thief = await startEvilIdp();
      ended.push(() => thief.stop());
      idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), [name]: `${thief.issuer}/token` } }));
      const error = await bench.login.start(asked, peer).catch((caught) => caught);
      expect(error).toMatchObject({ reason: 'IDENTITY_PROVIDER_MISCONFIGURED' });
      expect(`${error.message} ${error.hint}`).toContain(`endpoint-origins = ["${thief.issuer}"]`);
      expect(thief.requests).toEqual([]);
      const provider = { ...providerOf(evilIssuer(idp)), endpointOrigins: [thief.issuer] };
      const allowing = await openBench(evilIssuer(idp), { providers: [provider] });
      ended.push(() => allowing.cleanup());
      expect(await reasonOf(allowing.probe())).toBe('no error');
    },
  );
});

describe('PKCE', () => {
  test('PK-01: S256, and a fresh verifier, state and nonce in each of 1,000 requests', async () => {
    const provider = createProvider(providerOf(evilIssuer(idp)), bench.clock);
    ended.push(() => provider.close());
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i += 1) {
      const { url, authorization } = await provider.authorize(asked, 'https://fedctl.example.test/oidc/callback/test');
      const query = new URL(url).searchParams;
      expect(query.get('code_challenge_method')).toBe('S256');
      expect(authorization.verifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
      expect(query.get('code_challenge')).not.toBe(authorization.verifier);
      for (const name of ['code_challenge', 'state', 'nonce']) seen.add(`${name}=${query.get(name)}`);
    }
    expect(seen.size).toBe(3000);
  });

  test('PK-02: a provider that has PKCE as "plain" only is refused', async () => {
    withoutDevice(idp, { code_challenge_methods_supported: ['plain'] });
    expect(await reasonOf(bench.login.start(asked, peer))).toBe('GRANT_NOT_OFFERED');
  });
});

describe('ID tokens of the code grant', () => {
  const withClaims = (claims: Record<string, unknown>) =>
    idp.on('/token', (request) => idp.codeTokens(request, {}, claims));

  test('ID-04: the nonce of another request, or none', async () => {
    const earlier = await signInByPage(bench, idp);
    for (const nonce of [new URL(earlier.authorizationUrl).searchParams.get('nonce'), undefined, '', 7]) {
      withClaims({ nonce });
      const { answer, browser } = await signInByPage(bench, idp);
      expect(await callback(answer, browser)).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    }
  });

  test('ID-05: max_age is asked for, and auth_time has to bear it out', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stepUp = { ...asked, maxAge: 60 };
    for (const [authTime, outcome] of [
      [now - 5, 'no error'],
      [now - 3600, 'IDENTITY_PROVIDER_UNAVAILABLE'],
      [undefined, 'IDENTITY_PROVIDER_UNAVAILABLE'],
      ['now', 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ] as const) {
      withClaims({ auth_time: authTime });
      const { answer, browser, authorizationUrl } = await signInByPage(bench, idp, stepUp);
      expect(new URL(authorizationUrl).searchParams.get('max_age')).toBe('60');
      expect(await callback(answer, browser)).toBe(outcome);
    }
  });

  test('ID-05: also of the device grant', async () => {
    withoutDevice(idp, { device_authorization_endpoint: `${idp.issuer}/device` });
    const one = await openBench(evilIssuer(idp));
    ended.push(() => one.cleanup());
    const outcomes: string[] = [];
    for (const ago of [10, 3600]) {
      idp.on('/token', () =>
        idp.tokens({ id_token: idp.idToken({ auth_time: Math.floor(one.clock.now() / 1000) - ago }) }),
      );
      const { handle } = await one.login.start({ ...asked, maxAge: 0 }, peer);
      one.clock.advance(5000);
      outcomes.push(await reasonOf(one.login.poll(handle)));
    }
    expect(outcomes).toEqual(['no error', 'IDENTITY_PROVIDER_UNAVAILABLE']);
    const [device] = idp.requests.filter(({ path }) => path === '/device');
    expect(device?.form.get('max_age')).toBe('0');
  });
});

describe('what is passed on', () => {
  const full = {
    ...asked,
    prompt: 'login',
    scopes: ['extra'],
    acrValues: ['gold', 'silver'],
    loginHint: 'ann',
  } as const;
  const wished = { prompt: 'login', acr_values: 'gold silver', login_hint: 'ann', resource: 'https://api.example/fl' };

  test('RI-02: the resource on every request for tokens; prompt, acr, hint and scopes on the first', async () => {
    const provider = {
      ...providerOf(evilIssuer(idp)),
      resource: wished.resource,
      authorizationParameters: { access_type: 'offline', state: 'never this', prompt: 'none' },
    };
    const one = await openBench(evilIssuer(idp), { providers: [provider] });
    ended.push(() => one.cleanup());
    const { answer, browser, handle, authorizationUrl } = await signInByPage(one, idp, full);
    const query = Object.fromEntries(new URL(authorizationUrl).searchParams);
    expect(query).toMatchObject({ ...wished, access_type: 'offline', response_type: 'code' });
    expect(query.scope).toBe('openid profile extra offline_access');
    expect(query.state).not.toBe('never this');
    await one.pages.callback('test', answer, browser, person);
    const { refreshToken } = tokensOf(await one.login.poll(handle));
    await one.sessions.renew(refreshToken);
    const sent = idp.requests.filter(({ path }) => path === '/token').map(({ form }) => form.get('resource'));
    expect(sent).toEqual([wished.resource, wished.resource]);
  });

  test('to a device grant too', async () => {
    withoutDevice(idp, { device_authorization_endpoint: `${idp.issuer}/device` });
    const provider = { ...providerOf(evilIssuer(idp)), resource: wished.resource };
    const one = await openBench(evilIssuer(idp), { providers: [provider] });
    ended.push(() => one.cleanup());
    const { handle } = await one.login.start(full, peer);
    one.clock.advance(5000);
    await one.login.poll(handle);
    const [device, token] = ['/device', '/token'].map((path) => idp.requests.find((request) => request.path === path));
    expect(Object.fromEntries(device?.form ?? [])).toMatchObject({
      ...wished,
      scope: 'openid profile extra offline_access',
    });
    expect(token?.form.get('resource')).toBe(wished.resource);
  });

  test.each([
    [{ scopes: ['a b'] }],
    [{ scopes: ['"'] }],
    [{ scopes: Array.from({ length: 21 }, (_, i) => `s${i}`) }],
    [{ acrValues: ['\n'] }],
    [{ loginHint: 'x'.repeat(256) }],
  ])('nothing that is none: %j', async (change) => {
    expect(await reasonOf(bench.login.start({ ...asked, ...change }, peer))).toBe('REQUEST_INVALID');
  });
});

test('a browser has to have a secret', async () => {
  const { userCode } = await bench.login.start(asked, peer);
  for (const browser of ['', 'short', `${browserSecret()} `])
    expect(await reasonOf(bench.pages.confirm(userCode, browser, person))).toBe('REQUEST_INVALID');
});
