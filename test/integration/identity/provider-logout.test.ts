import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type EvilIdp, evilMetadata, startEvilIdp } from '../../support/evil-idp.ts';
import { until } from '../../support/until.ts';
import { person, signInByPage, withoutDevice } from './people.ts';
import { type Bench, evilIssuer, ISSUER, logIn, openBench, peer, reasonOf } from './setup.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let idp: EvilIdp;
let bench: Bench;
/** Who logs in; somebody else in each test. */
let sub: string;

beforeAll(async () => {
  idp = await startEvilIdp();
  bench = await openBench(evilIssuer(idp));
});
beforeEach(() => {
  sub = randomUUID();
});
afterAll(async () => {
  await bench.cleanup();
  await idp.stop();
});

/** Runs `body` with a provider and a server of its own, whose time it may move. */
async function alone(body: () => Promise<void>): Promise<void> {
  const shared = { idp, bench };
  idp = await startEvilIdp();
  bench = await openBench(evilIssuer(idp));
  try {
    await body();
  } finally {
    await bench.cleanup();
    await idp.stop();
    ({ idp, bench } = shared);
  }
}

/** A login whose ID token has these claims. */
async function logInAs(claims: Record<string, unknown>) {
  idp.on('/token', () => idp.tokens({ id_token: idp.idToken({ sub, ...claims }) }));
  return logIn(bench);
}

const now = () => Math.floor(bench.clock.now() / 1000);

/** A logout token as it should be, but for `claims` and `header`. */
function logoutToken(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) {
  const good = {
    iat: now(),
    exp: now() + 120,
    jti: randomUUID(),
    events: { [EVENT]: {} },
    preferred_username: undefined,
  };
  return idp.idToken({ sub, ...good, ...claims }, { typ: 'logout+jwt', ...header });
}

const tell = (token: string, at: Bench = bench) => at.providerLogout.backChannel('test', token, peer);

describe('a login that is approved and not fetched yet', () => {
  const approved = async (sid: string | undefined) => {
    idp.on('/token', (request) => idp.codeTokens(request, {}, { sub, sid }));
    const { handle, answer, browser } = await signInByPage(bench, idp);
    await bench.pages.callback('test', answer, browser, person);
    return handle;
  };
  const fetched = (handle: string) => reasonOf(bench.login.poll(handle));

  test.each([
    ['of the person', {}, [true, true, true]],
    ['of the session', { sid: 's1' }, [true, false, true]],
    ['of the session alone', { sid: 's1', sub: undefined }, [true, false, false]],
    ['of somebody else', { sub: 'somebody-else' }, [false, false, false]],
  ])('LO-01: ends with a logout token %s where it is meant', (_name, claims, ends) =>
    alone(async () => {
      withoutDevice(idp);
      const handles = [await approved('s1'), await approved('s2'), await approved(undefined)];
      expect(await tell(logoutToken(claims))).toBe(ends.filter(Boolean).length);
      for (const [index, handle] of handles.entries())
        expect(await fetched(handle)).toBe(ends[index] ? 'LOGIN_FAILED' : 'no error');
    }),
  );
});

describe('a logout token', () => {
  test('LO-01: of a person ends all of their sessions, and nobody else’s', async () => {
    const [first, second] = [await logInAs({ sid: 's1' }), await logInAs({ sid: 's2' })];
    const other = await logInAs({ sub: `${sub}-2`, sid: 's3' });
    const before = bench.events.length;
    expect(await tell(logoutToken())).toBe(2);
    for (const { accessToken } of [first, second])
      expect(await reasonOf(bench.sessions.authenticate(accessToken))).toBe('SESSION_ENDED');
    expect(await reasonOf(bench.sessions.renew(first.refreshToken))).toBe('SESSION_ENDED');
    expect((await bench.sessions.authenticate(other.accessToken)).account.subject).toBe(`${sub}-2`);
    expect(bench.events.slice(before).map(({ kind }) => kind)).toEqual(['ended-by-provider', 'ended-by-provider']);
    expect(idp.count('/revoke')).toBe(0);
  });

  test.each([
    ['with sub', {}],
    ['without sub', { sub: undefined }],
  ])('LO-01: of a session ends that one alone (%s)', async (_name, claims) => {
    const sid = `${sub}-s1`;
    const [first, second] = [await logInAs({ sid }), await logInAs({ sid: `${sub}-s2` })];
    expect(await tell(logoutToken({ ...claims, sid }))).toBe(1);
    expect(await reasonOf(bench.sessions.authenticate(first.accessToken))).toBe('SESSION_ENDED');
    expect(await reasonOf(bench.sessions.authenticate(second.accessToken))).toBe('no error');
  });

  test('LO-01: of a session ends those of the person whose session id the provider never told', async () => {
    const [unknown, other] = [await logInAs({}), await logInAs({ sid: `${sub}-s2` })];
    expect(await tell(logoutToken({ sid: `${sub}-s1` }))).toBe(1);
    expect(await reasonOf(bench.sessions.authenticate(unknown.accessToken))).toBe('SESSION_ENDED');
    expect(await reasonOf(bench.sessions.authenticate(other.accessToken))).toBe('no error');
  });

  test('LO-01: of a session of somebody else’s ends nothing', async () => {
    await logInAs({ sid: 's1' });
    await logInAs({ sub: `${sub}-2`, sid: 's2' });
    expect(await tell(logoutToken({ sub: `${sub}-2`, sid: 's1' }))).toBe(0);
  });

  test.each([
    ['with several audiences', { aud: ['fedctl-test', 'other'] }, {}],
    ['without exp, as older providers write it', { exp: undefined }, {}],
    ['of the plain type', {}, { typ: 'JWT' }],
    ['of no type', {}, { typ: undefined }],
    ['whose clock is a little ahead', { iat: Math.floor(Date.now() / 1000) + 30 }, {}],
  ])('LO-01: %s counts', async (_name, claims, header) => {
    await logInAs({});
    expect(await tell(logoutToken(claims, header))).toBe(1);
  });

  const seconds = Math.floor(Date.now() / 1000);
  test.each([
    ['another issuer', { iss: 'https://other.test' }, {}],
    ['the issuer with a slash', { iss: undefined, slash: true }, {}],
    ['another audience', { aud: 'other' }, {}],
    ['no audience', { aud: undefined }, {}],
    ['no iat', { iat: undefined }, {}],
    ['an iat of long ago', { iat: seconds - 3600, exp: seconds + 3600 }, {}],
    ['an iat to come', { iat: seconds + 600, exp: seconds + 900 }, {}],
    ['an iat that is no number', { iat: String(seconds) }, {}],
    ['its time over', { iat: seconds - 300, exp: seconds - 120 }, {}],
    ['no jti', { jti: undefined }, {}],
    ['an empty jti', { jti: '' }, {}],
    ['a jti that is no text', { jti: 7 }, {}],
    ['no events', { events: undefined }, {}],
    ['other events', { events: { 'http://schemas.openid.net/event/other': {} } }, {}],
    ['an event that is no object', { events: { [EVENT]: 'x' } }, {}],
    ['events as a list', { events: [EVENT] }, {}],
    ['events inherited', { events: { ['__proto__']: { [EVENT]: {} } } }, {}],
    ['a nonce', { nonce: 'n' }, {}],
    ['an empty nonce', { nonce: '' }, {}],
    ['neither sub nor sid', { sub: undefined }, {}],
    ['a sub that is no text', { sub: 7 }, {}],
    ['a sid that is no text', { sid: {} }, {}],
    ['no signature', {}, { alg: 'none' }],
    ['a signature with a shared secret', {}, { alg: 'HS256' }],
    ['the type of an access token', {}, { typ: 'at+jwt' }],
    ['a critical extension', {}, { crit: ['x'], x: 1 }],
    ['a key that nobody knows', {}, { kid: 'other' }],
  ])('LO-01: with %s is refused', async (_name, claims, header) => {
    const { accessToken } = await logInAs({});
    expect(await reasonOf(tell(logoutToken(claims, header)))).toBe('LOGOUT_TOKEN_INVALID');
    expect(await reasonOf(bench.sessions.authenticate(accessToken))).toBe('no error');
  });

  test('LO-01: of another key, cut, empty or endless is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const good = logoutToken();
    const forged = idp.idToken({ jti: 'x', events: { [EVENT]: {} } }, { typ: 'logout+jwt' }, privateKey);
    for (const token of [
      forged,
      good.slice(0, -2),
      good.split('.').slice(0, 2).join('.'),
      '',
      'x',
      'x'.repeat(100_000),
    ])
      expect(await reasonOf(tell(token))).toBe('LOGOUT_TOKEN_INVALID');
  });

  test('ID-07: an ID token is none', async () => {
    expect(await reasonOf(tell(idp.idToken()))).toBe('LOGOUT_TOKEN_INVALID');
  });

  test('BC-07: for another provider is refused', async () => {
    expect(await reasonOf(bench.providerLogout.backChannel('other', logoutToken(), peer))).toBe('LOGOUT_TOKEN_INVALID');
  });

  test('LO-02: counts once, over all processes; what was logged in since stays', () =>
    alone(async () => {
      await logInAs({});
      const replica = await bench.replica();
      const token = logoutToken({ jti: 'once' });
      expect(await tell(token)).toBe(1);
      const { accessToken } = await logInAs({});
      for (const at of [bench, replica]) expect(await reasonOf(tell(token, at))).toBe('LOGOUT_TOKEN_INVALID');
      bench.clock.advance(3600_000);
      expect(await reasonOf(tell(token))).toBe('LOGOUT_TOKEN_INVALID');
      expect(await reasonOf(bench.sessions.authenticate(accessToken))).not.toBe('SESSION_ENDED');
      await replica.cleanup();
    }));

  test('LO-02: ends streams in other processes within a second', () =>
    alone(async () => {
      const { accessToken, sessionId } = await logInAs({});
      const replica = await bench.replica();
      await replica.sessions.authenticate(accessToken);
      const begun = performance.now();
      await tell(logoutToken());
      await until(async () => (await reasonOf(replica.sessions.assertAlive(sessionId))) === 'SESSION_ENDED');
      expect(performance.now() - begun).toBeLessThan(1000);
      await replica.cleanup();
    }));

  test('LO-02: one that could not be carried out may be told again', async () => {
    await logInAs({});
    const failing = await bench.replica({
      onEvent: () => {
        throw new Error('no audit');
      },
    });
    const token = logoutToken();
    expect(await reasonOf(tell(token, failing))).toContain('no audit');
    expect(await reasonOf(tell(token))).toBe('no error');
    await failing.cleanup();
  });

  test('whoever sends junk makes us read keys once in a while, no more', () =>
    alone(async () => {
      for (let i = 0; i < 50; i += 1) await reasonOf(tell(logoutToken({}, { kid: `junk-${i}` })));
      expect(idp.count('/keys')).toBe(1);
      bench.clock.advance(11_000);
      for (let i = 0; i < 50; i += 1) await reasonOf(tell(logoutToken({}, { kid: `junk-${i}` })));
      expect(idp.count('/keys')).toBe(2);
    }));

  test('a provider whose keys can not be had is told so: it may try again', () =>
    alone(async () => {
      idp.on('/keys', () => ({ status: 503, json: {} }));
      for (let i = 0; i < 5; i += 1) expect(await reasonOf(tell(logoutToken()))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
      expect(idp.count('/keys')).toBe(1);
      bench.clock.advance(1000);
      expect(await reasonOf(tell(logoutToken()))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
      expect(idp.count('/keys')).toBe(2);
    }));
});

describe('the way to the logout page of a provider', () => {
  /** The provider names `endpoint`, to a server that has not asked it yet. */
  async function withEnd(endpoint: string) {
    idp.on('/discovery', () => ({ json: { ...evilMetadata(idp.issuer), end_session_endpoint: endpoint } }));
    const replica = await bench.replica();
    cleanups.push(() => replica.cleanup());
    return replica.providerLogout;
  }
  const cleanups: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  async function sessionOf(claims: Record<string, unknown> = {}) {
    const { sessionId } = await logInAs(claims);
    const session = await bench.store.sessionById(sessionId);
    if (!session) throw new Error('no session');
    return session;
  }

  test('LO-04: names the session, the client, the page to come back to and a state of one use', async () => {
    const logout = await withEnd(`${idp.issuer}/end?tenant=1`);
    const session = await sessionOf({ sid: 's1' });
    const url = new URL(await logout.endSessionUrl(session));
    expect(`${url.origin}${url.pathname}`).toBe(`${idp.issuer}/end`);
    const { state = '', id_token_hint = '', ...rest } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      tenant: '1',
      client_id: 'fedctl-test',
      post_logout_redirect_uri: `${ISSUER}/logout/done`,
    });
    expect(JSON.parse(Buffer.from(id_token_hint.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      sid: 's1',
    });
    expect(await reasonOf(bench.providerLogout.ended(state))).toBe('no error');
    expect(await reasonOf(bench.providerLogout.ended(state))).toBe('LOGOUT_STATE_UNKNOWN');
  });

  test.each(['', 'x', `fedlo_${'a'.repeat(43)}`])('LO-04: the state %j is none of ours', async (state) => {
    expect(await reasonOf(bench.providerLogout.ended(state))).toBe('LOGOUT_STATE_UNKNOWN');
  });

  test('LO-04: a state is forgotten after an hour', () =>
    alone(async () => {
      const logout = await withEnd(`${idp.issuer}/end`);
      const url = new URL(await logout.endSessionUrl(await sessionOf()));
      bench.clock.advance(3600_000);
      expect(await reasonOf(bench.providerLogout.ended(url.searchParams.get('state') ?? ''))).toBe(
        'LOGOUT_STATE_UNKNOWN',
      );
    }));

  test.each(['javascript:alert(1)', 'http://idp.example.test/end', 'ftp://x/', 'x', ''])(
    'no browser is sent to %j',
    async (endpoint) => {
      const logout = await withEnd(endpoint);
      expect(await logout.endSessionUrl(await sessionOf())).toBe('');
    },
  );

  test('a provider without such a page has none', async () => {
    expect(await bench.providerLogout.endSessionUrl(await sessionOf())).toBe('');
  });

  test('an ID token that no address has room for is left out', async () => {
    const logout = await withEnd(`${idp.issuer}/end`);
    const url = await logout.endSessionUrl(await sessionOf({ more: 'x'.repeat(6000) }));
    expect(url).not.toContain('id_token_hint');
    expect(url.length).toBeLessThan(1000);
  });
});
