import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { answerOf, type EvilIdp, html, startEvilIdp } from '../../support/evil-idp.ts';
import { logInByPage, withoutDevice } from './people.ts';
import { asked, type Bench, evilIssuer, logIn, openBench, peer, providerOf, reasonOf } from './setup.ts';

let idp: EvilIdp;
let bench: Bench;
beforeEach(async () => {
  idp = await startEvilIdp();
});
afterEach(async () => {
  await bench.cleanup();
  await idp.stop();
});

const open = async (change: object = {}, options: object = {}) => {
  bench = await openBench(evilIssuer(idp), { providers: [{ ...providerOf(evilIssuer(idp)), ...change }], ...options });
};

describe('the code grant at the client', () => {
  const LISTENER = 'http://127.0.0.1:31111/oauth/callback';
  const start = (redirectUri = LISTENER) => bench.login.start({ ...asked, grant: 'code', redirectUri }, peer);

  test('start, sign in, finish', async () => {
    await open();
    const started = await start();
    expect(started).toMatchObject({ userCode: '', verificationUri: '', verificationUriComplete: undefined });
    expect(await bench.login.poll(started.handle)).toEqual({ state: 'pending', interval: 1 });
    const location = await idp.signIn(started.authorizationUrl);
    expect(location.href.startsWith(`${LISTENER}?`)).toBe(true);
    const tokens = await bench.login.finish(started.handle, answerOf(location));
    expect((await bench.sessions.authenticate(tokens.accessToken)).account.handle).toBe('alice');
    expect(await reasonOf(bench.login.finish(started.handle, answerOf(location)))).toBe('LOGIN_EXPIRED');
    expect(await reasonOf(bench.login.poll(started.handle))).toBe('LOGIN_EXPIRED');
    const [token] = idp.requests.filter(({ path }) => path === '/token');
    expect(token?.headers.authorization).toMatch(/^Basic /);
    expect(bench.events.map(({ kind }) => kind)).toEqual(['session-opened']);
  });

  test.each([
    'http://127.0.0.1:31111/oauth/callback',
    'http://127.0.0.1/oauth/callback',
    'http://[::1]:5/oauth/callback',
    'http://localhost:65535/oauth/callback',
  ])('NA-02: %s may get a code', async (uri) => {
    await open();
    expect((await start(uri)).authorizationUrl).toContain(encodeURIComponent(uri));
  });

  test.each([
    '',
    'https://127.0.0.1/oauth/callback',
    'http://127.0.0.1:31111/oauth/callback/',
    'http://127.0.0.1:31111/oauth/callback?next=x',
    'http://127.0.0.1:31111/oauth/callback#x',
    'http://127.0.0.1:31111/',
    'http://127.0.0.1:99999/oauth/callback',
    'http://127.0.0.1@evil.example/oauth/callback',
    'http://user@127.0.0.1/oauth/callback',
    'http://127.0.0.1.evil.example/oauth/callback',
    'http://0.0.0.0:1/oauth/callback',
    'http://10.0.0.1/oauth/callback',
    'http://127.0.0.1:31111/oauth/callback\n',
    'http://evil.example/oauth/callback',
    'javascript:alert(1)',
  ])('NA-02: %j may not', async (uri) => {
    await open();
    expect(await reasonOf(start(uri))).toBe('REDIRECT_URI_INVALID');
  });

  test('BC-03: what does not belong to the login is refused and changes nothing; its own answer then counts', async () => {
    await open();
    const [mine, theirs] = [await start(), await start()];
    const theirAnswer = answerOf(await idp.signIn(theirs.authorizationUrl));
    expect(await reasonOf(bench.login.finish(mine.handle, theirAnswer))).toBe('LOGIN_ANSWER_REFUSED');
    expect(await reasonOf(bench.login.finish(mine.handle, { ...theirAnswer, state: '' }))).toBe('LOGIN_ANSWER_REFUSED');
    expect(idp.count('/token')).toBe(0);
    const answer = answerOf(await idp.signIn(mine.authorizationUrl));
    const all = await Promise.all([1, 2, 3].map(() => reasonOf(bench.login.finish(mine.handle, answer))));
    expect(all.filter((reason) => reason === 'no error')).toHaveLength(1);
    expect(idp.count('/token')).toBe(1);
  });

  test('IS-01, IS-02, a denial, an outage: each ends the login and says so', async () => {
    await open();
    for (const [change, reason] of [
      [{ iss: '' }, 'LOGIN_ANSWER_REFUSED'],
      [{ iss: `${idp.issuer}/` }, 'LOGIN_ANSWER_REFUSED'],
      [{ error: 'access_denied' }, 'LOGIN_DENIED'],
      [{ code: 'unknown' }, 'LOGIN_ANSWER_REFUSED'],
    ] as const) {
      const { handle, authorizationUrl } = await start();
      const answer = { ...answerOf(await idp.signIn(authorizationUrl)), ...change };
      expect(await reasonOf(bench.login.finish(handle, answer))).toBe(reason);
      expect(await reasonOf(bench.login.finish(handle, answer))).toBe('LOGIN_EXPIRED');
    }
    idp.on('/token', () => html(503));
    const { handle, authorizationUrl } = await start();
    const answer = answerOf(await idp.signIn(authorizationUrl));
    expect(await reasonOf(bench.login.finish(handle, answer))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(bench.events.map(({ kind }) => kind)).toEqual(['login-denied']);
  });

  test('a handle of another kind finishes nothing', async () => {
    await open();
    const device = await bench.login.start(asked, peer);
    const answer = answerOf(await idp.signIn((await start()).authorizationUrl));
    expect(await reasonOf(bench.login.finish(device.handle, answer))).toBe('LOGIN_EXPIRED');
    expect(await reasonOf(bench.login.finish('', answer))).toBe('LOGIN_EXPIRED');
  });
});

describe('the password grant', () => {
  const login = (change: object = {}, from = peer) =>
    bench.login.password(
      { provider: '', username: 'ann', password: 'pw-canary', client: 'c', host: 'h', ...change },
      from,
    );

  test('BC-01: off unless it is switched on, and then no request leaves', async () => {
    await open();
    expect(await reasonOf(login())).toBe('GRANT_NOT_OFFERED');
    expect(idp.requests).toEqual([]);
  });

  test('on: the start warns, and whoever knows the password has a session', async () => {
    const warned: string[] = [];
    const log = {
      debug() {},
      info() {},
      warn: (_: object, text: string) => void warned.push(text),
      error() {},
      child: () => log,
    };
    await open({ allowPassword: true }, { log });
    await bench.service.start();
    expect(warned).toEqual(['passwords of this identity provider go through this server']);
    const tokens = await login();
    expect((await bench.sessions.authenticate(tokens.accessToken)).session).toMatchObject({ client: 'c', host: 'h' });
    const [token] = idp.requests.filter(({ path }) => path === '/token');
    expect(Object.fromEntries(token?.form ?? [])).toMatchObject({ grant_type: 'password', username: 'ann' });
  });

  test('a wrong password, and troubles of the provider; none of them tells the password', async () => {
    await open({ allowPassword: true });
    for (const [answer, reason] of [
      [{ status: 400, json: { error: 'invalid_grant' } }, 'PASSWORD_REFUSED'],
      [{ status: 400, json: { error: 'unauthorized_client' } }, 'IDENTITY_PROVIDER_REFUSED'],
      [html(500), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ] as const) {
      idp.on('/token', () => answer);
      const error = await login().catch((caught) => caught);
      expect(error.reason).toBe(reason);
      for (let one = error; one; one = one.cause) expect(`${JSON.stringify(one)}${one.stack}`).not.toContain('canary');
    }
    const long = [{ username: 'x'.repeat(321) }, { password: 'x'.repeat(5000) }];
    for (const change of [{ username: '' }, { password: '' }, ...long])
      expect(await reasonOf(login(change))).toBe('REQUEST_INVALID');
    expect(await reasonOf(login({ provider: 'nobody' }))).toBe('PROVIDER_UNKNOWN');
  });

  test('guesses are limited per user name whatever the address, and per address whatever the name', async () => {
    await open({ allowPassword: true });
    idp.on('/token', () => ({ status: 400, json: { error: 'invalid_grant' } }));
    for (let i = 0; i < 5; i += 1) await reasonOf(login({}, { ...peer, address: `198.51.100.${i}` }));
    expect(await reasonOf(login({ username: 'ANN' }, { ...peer, address: '198.51.100.9' }))).toBe('TOO_MANY_LOGINS');
    for (let i = 0; i < 30; i += 1) await reasonOf(login({ username: `u${i}` }));
    expect(await reasonOf(login({ username: 'fresh' }))).toBe('TOO_MANY_LOGINS');
    expect(idp.count('/token')).toBe(35);
  });
});

describe('what a session keeps of its login', () => {
  const claims = { sid: 'sid-7', acr: 'gold' };
  const opened = async (sessionId: string) => {
    const session = await bench.store.sessionById(sessionId);
    if (!session) throw new Error('no session');
    const open = (sealed: string | undefined, purpose: 'id-token' | 'provider-access') =>
      sealed && bench.vault.open(sealed, purpose, sessionId);
    return {
      session,
      idToken: open(session.sealedIdToken, 'id-token'),
      access: open(session.sealedProviderAccess, 'provider-access'),
    };
  };

  test('origin, sid, acr and the ID token; the access token only where it is shared', async () => {
    await open();
    idp.on('/token', () => idp.tokens({ id_token: idp.idToken(claims) }));
    const { session, idToken, access } = await opened((await logIn(bench)).sessionId);
    expect(session).toMatchObject({ origin: 'test', providerSid: 'sid-7', acr: 'gold' });
    expect(idToken).toMatch(/^eyJ/);
    expect(access).toBeUndefined();
  });

  test('by the page as well, and renewed: new tokens where they come, the old ID token where none does', async () => {
    withoutDevice(idp);
    await open({ shareTokens: true });
    idp.on('/token', (request) => idp.codeTokens(request, { expires_in: 60, access_token: 'one' }, claims));
    const pair = await logInByPage(bench, idp);
    const first = await opened(pair.sessionId);
    const { token, type, expiresAt } = JSON.parse(first.access ?? '');
    expect([token, type]).toEqual(['one', 'Bearer']);
    expect(Math.abs(expiresAt - bench.clock.now() - 60_000)).toBeLessThan(10_000);
    idp.on('/token', () => idp.tokens({ access_token: 'two', id_token: undefined }));
    const next = await bench.sessions.renew(pair.refreshToken);
    const second = await opened(pair.sessionId);
    expect(second.idToken).toBe(first.idToken);
    expect(JSON.parse(second.access ?? '')).toMatchObject({ token: 'two', expiresAt: 0 });
    const renewed = idp.idToken({ ...claims, jti: 'another' });
    idp.on('/token', () => idp.tokens({ id_token: renewed }));
    await bench.sessions.renew(next.refreshToken);
    expect((await opened(pair.sessionId)).idToken).toBe(renewed);
  });

  test('without a refresh token nothing is asked, and nothing is lost', async () => {
    await open({ shareTokens: true });
    idp.on('/token', () => idp.tokens({ refresh_token: undefined, access_token: 'only' }));
    const pair = await logIn(bench);
    await bench.sessions.renew(pair.refreshToken);
    const { idToken, access } = await opened(pair.sessionId);
    expect(idToken).toMatch(/^eyJ/);
    expect(JSON.parse(access ?? '')).toMatchObject({ token: 'only' });
  });

  test('claims of any shape do no harm', async () => {
    await open();
    for (const odd of [{ sid: 7, acr: {} }, { sid: 'x'.repeat(300), acr: 'a\u001b[2Jb' }, { sid: null }]) {
      idp.on('/token', () => idp.tokens({ id_token: idp.idToken(odd) }));
      const { session } = await opened((await logIn(bench)).sessionId);
      expect([session.providerSid, session.acr]).toEqual(['', odd.acr === 'a\u001b[2Jb' ? 'a[2Jb' : '']);
    }
  });
});
