import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { TOKEN_TYPES } from '../../../src/core/services.ts';
import { type EvilRequest, evilMetadata, html } from '../../support/evil-idp.ts';
import { claimsOf, type ExchangeBench, JOB, openExchange, request, rule, trusting } from './exchange-setup.ts';
import { logIn, ISSUER as OURS, peer, reasonOf } from './setup.ts';

let bench: ExchangeBench;
afterEach(() => bench.cleanup());

const ACCESS = { subjectTokenType: TOKEN_TYPES.accessToken };
const exchange = (token: string) => bench.exchange.exchange(request(token, ACCESS), peer);
const refusal = (token: string) => reasonOf(exchange(token));
const onCall = (token: string) => reasonOf(bench.sessions.authenticate(token, peer));

describe('introspection', () => {
  const asClient = { clientId: 'fed:ctl', clientSecret: new Secret('s p/c') };
  const open = async () => {
    bench = await openExchange({ trust: { validation: 'introspection', ...asClient } });
    answer({});
  };
  const answer = (change: Record<string, unknown>) => {
    const exp = Math.floor(bench.clock.now() / 1000) + 300;
    bench.ci.on('/introspect', () => ({ json: { active: true, sub: 'job', aud: OURS, exp, ...JOB, ...change } }));
  };
  const asked = () => bench.ci.count('/introspect');

  test('RFC 7662: an opaque token is asked about, by an authenticated client', async () => {
    await open();
    const token = await exchange('opaque-1');
    expect(token.accountHandle).toBe('trainer');
    const { headers, form, method } = bench.ci.requests.find(({ path }) => path === '/introspect') as EvilRequest;
    expect([method, form.get('token'), form.get('token_type_hint')]).toEqual(['POST', 'opaque-1', 'access_token']);
    const basic = Buffer.from(`${headers.authorization}`.replace('Basic ', ''), 'base64').toString();
    expect(basic).toBe('fed%3Actl:s+p%2Fc');
  });

  test.each<[string, Record<string, unknown>]>([
    ['IN-01: active "true"', { active: 'true' }],
    ['IN-01: active 1', { active: 1 }],
    ['IN-01: active false', { active: false }],
    ['IN-01: active missing', { active: undefined }],
    ['IN-02: another issuer', { iss: 'https://other.example' }],
    ['IN-02: another audience', { aud: 'https://other.example' }],
    ['IN-02: no audience', { aud: undefined }],
    ['DP-01: bound to a key', { cnf: { jkt: 'x' } }],
    ['a refresh token', { typ: 'Refresh' }],
    ['no subject', { sub: undefined }],
  ])('%s: refused', async (_name, change) => {
    await open();
    answer(change);
    expect(await refusal('opaque-1')).toBe('TOKEN_INVALID');
    expect(await onCall('opaque-1')).toBe('TOKEN_INVALID');
  });

  test('IN-02: a yes holds for 30 s and no longer than the token, a no for a few seconds', async () => {
    await open();
    for (let count = 0; count < 5; count += 1) expect(await onCall('opaque-1')).toBe('no error');
    expect(asked()).toBe(1);
    answer({ active: false });
    bench.clock.advance(29_000);
    expect(await onCall('opaque-1')).toBe('no error');
    bench.clock.advance(1001);
    expect(await onCall('opaque-1')).toBe('TOKEN_INVALID');
    expect(await onCall('opaque-1')).toBe('TOKEN_INVALID');
    expect(asked()).toBe(2);
    answer({ exp: Math.floor(bench.clock.now() / 1000) + 7 });
    bench.clock.advance(5001);
    expect(await onCall('opaque-1')).toBe('no error');
    answer({ active: false });
    bench.clock.advance(2000);
    expect(await onCall('opaque-1')).toBe('TOKEN_INVALID');
  });

  test('IN-02: an outage, garbage and a slow answer fail closed, and nothing is remembered of them', async () => {
    await open();
    bench.ci.on('/introspect', () => html(200));
    expect(await refusal('opaque-1')).toBe('TRUSTED_ISSUER_UNAVAILABLE');
    bench.ci.on('/introspect', () => ({ status: 500, json: {} }));
    expect(await refusal('opaque-1')).toBe('TRUSTED_ISSUER_UNAVAILABLE');
    bench.ci.on('/introspect', () => ({ json: [true] }));
    expect(await refusal('opaque-1')).toBe('TRUSTED_ISSUER_UNAVAILABLE');
    answer({});
    expect(await refusal('opaque-1')).toBe('no error');
  });

  test('BC-08: token and secret go to the origin of the issuer, and to those that are named', async () => {
    const trust = { validation: 'introspection', ...asClient } as const;
    for (const named of [false, true]) {
      bench = await openExchange({ trust });
      const { idp, ci } = bench;
      ci.on('/discovery', () => ({
        json: { ...evilMetadata(ci.issuer), introspection_endpoint: `${idp.issuer}/introspect` },
      }));
      const issuer = { ...trusting(ci.issuer, trust), endpointOrigins: named ? [idp.issuer] : [] };
      const open = await bench.replica({ trust: { issuers: [issuer], rules: [rule()] } });
      idp.on('/introspect', () => ({ json: { active: false } }));
      const reason = await reasonOf(open.exchange.exchange(request('opaque-1', ACCESS), peer));
      expect([reason, idp.count('/introspect')]).toEqual(
        named ? ['TOKEN_INVALID', 1] : ['TRUSTED_ISSUER_UNAVAILABLE', 0],
      );
      if (!named) await bench.cleanup();
    }
  });

  test('many calls at once ask once; our own secrets are told nobody', async () => {
    await open();
    await Promise.all(Array.from({ length: 20 }, () => onCall('opaque-1')));
    expect(asked()).toBe(1);
    const { refreshToken } = await logIn(bench);
    expect(await onCall(refreshToken)).toBe('ISSUER_NOT_TRUSTED');
    expect(asked()).toBe(1);
  });

  test.each([
    ['opaque tokens', (count: number) => `opaque-${count}`],
    ['JWTs', (count: number) => bench.token({ jti: `flood-${count}` })],
  ])('a flood of unknown %s from one address is bounded', async (_name, tokenOf) => {
    await open();
    answer({ active: false });
    const reasons: string[] = [];
    for (let count = 0; count < 200; count += 1) reasons.push(await onCall(tokenOf(count)));
    const refused = reasons.filter((reason) => reason === 'TOO_MANY_TOKENS');
    expect(reasons.slice(0, 120)).not.toContain('TOO_MANY_TOKENS');
    expect(refused.length).toBeGreaterThan(0);
    expect(asked()).toBe(reasons.length - refused.length);
  });

  test('many good tokens from one address are no flood', async () => {
    await open();
    for (let count = 0; count < 150; count += 1) expect(await onCall(`opaque-${count}`)).toBe('no error');
  });
});

describe('AT-02: a JWT that is checked online', () => {
  test.each<[string, Record<string, unknown>]>([
    ['nonce', { nonce: 'n' }],
    ['at_hash', { at_hash: 'h' }],
    ['typ ID', { typ: 'ID' }],
    ['the client of a login', { aud: [OURS, 'fedctl-test'] }],
    ['nothing of an access token', { azp: 'app' }],
  ])('is no ID token (%s), and its issuer is not even asked', async (_name, change) => {
    bench = await openExchange({ trust: { validation: 'userinfo', isLoginIssuer: true } });
    bench.ci.on('/userinfo', () => ({ json: { sub: 'job', client_id: 'app', ...JOB } }));
    expect(await refusal(bench.token(change))).toBe('TOKEN_INVALID');
    expect(await onCall(bench.token(change))).toBe('TOKEN_INVALID');
    expect(bench.ci.count('/userinfo')).toBe(0);
    expect(await refusal(bench.token({ azp: 'app', typ: 'Bearer', scope: 'openid' }))).toBe('no error');
  });

  test('of the strict profile only, where that is asked for; an opaque token has no type', async () => {
    bench = await openExchange({ trust: { validation: 'userinfo', tokenType: 'at+jwt' } });
    bench.ci.on('/userinfo', () => ({ json: { sub: 'job', ...JOB } }));
    expect(await refusal(bench.token())).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({}, { typ: 'at+jwt' }))).toBe('no error');
    expect(await refusal('opaque-1')).toBe('no error');
  });
});

describe('userinfo', () => {
  test('tells whose token it is; what the token says by itself holds too', async () => {
    bench = await openExchange({ trust: { validation: 'userinfo' } });
    bench.ci.on('/userinfo', ({ headers }) =>
      headers.authorization?.startsWith('Bearer bad') ? { status: 401, json: {} } : { json: { sub: 'job', ...JOB } },
    );
    expect(await refusal('good-1')).toBe('no error');
    expect(await refusal('bad-1')).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({ aud: 'https://other.example' }))).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token())).toBe('no error');
  });
});

describe("the provider's own token", () => {
  const sharing = async () => {
    bench = await openExchange();
    const { issuer } = bench.idp;
    const provider = { alias: 'test', issuer, clientId: 'fedctl-test', clientSecret: new Secret('s3cr3t-canary') };
    return bench.replica({ providers: [{ ...provider, allowInsecure: true, shareTokens: true }] });
  };

  test('is not given out unless the configuration says so', async () => {
    bench = await openExchange();
    const { session } = await bench.sessions.authenticate((await logIn(bench)).accessToken);
    expect(session.sealedProviderAccess).toBeUndefined();
    expect(await reasonOf(bench.exchange.providerToken(session, 0))).toBe('PROVIDER_TOKENS_NOT_SHARED');
  });

  test('is given out as it is while it lives long enough, and renewed once where it does not', async () => {
    const open = await sharing();
    bench.idp.on('/token', (_request, count) =>
      bench.idp.tokens({ access_token: `at-${count}`, expires_in: 300, refresh_token: `rt-${count}` }),
    );
    const login = await logIn(open);
    const now = async () => (await open.sessions.authenticate(login.accessToken)).session;
    const token = await open.exchange.providerToken(await now(), 60_000);
    expect(token).toMatchObject({ accessToken: 'at-1', tokenType: 'Bearer', issuer: bench.idp.issuer });
    expect(claimsOf(token.idToken)).toMatchObject({ sub: 'alice' });
    expect(token.expiresIn).toBeGreaterThan(290);
    bench.clock.advance(250_000);
    const session = await now();
    const renewed = await Promise.all([1, 2, 3].map(() => open.exchange.providerToken(session, 60_000)));
    expect(renewed.map(({ accessToken }) => accessToken)).toEqual(['at-2', 'at-2', 'at-2']);
    expect(bench.idp.count('/token')).toBe(2);
    // Who holds the pair from before gets the one of today.
    expect((await open.sessions.renew(login.refreshToken)).sessionId).toBe(login.sessionId);
    expect(bench.idp.count('/token')).toBe(2);
  });

  test('asked for longer than they live, the provider is not asked at every call', async () => {
    const open = await sharing();
    bench.idp.on('/token', () => bench.idp.tokens({ expires_in: 300 }));
    const login = await logIn(open);
    bench.clock.advance(60_000);
    for (let count = 0; count < 5; count += 1) {
      const { session } = await open.sessions.authenticate(login.accessToken);
      expect((await open.exchange.providerToken(session, 1e12)).expiresIn).toBeGreaterThan(0);
    }
    expect(bench.idp.count('/token')).toBe(2);
  });

  test('however often it was renewed: a refresh token of whose successors none was seen is no replay', async () => {
    const open = await sharing();
    bench.idp.on('/token', (_request, count) =>
      bench.idp.tokens({ access_token: `at-${count}`, expires_in: 300, refresh_token: `rt-${count}` }),
    );
    const login = await logIn(open);
    for (const wait of [250_000, 250_000]) {
      bench.clock.advance(wait);
      const { session } = await open.sessions.authenticate(login.accessToken);
      await open.exchange.providerToken(session, 60_000);
    }
    bench.clock.advance(3600_000);
    const pair = await open.sessions.renew(login.refreshToken);
    expect((await open.sessions.authenticate(pair.accessToken)).session.generation).toBe(3);
    // Seen now: from here on the old one is one.
    expect(await reasonOf(open.sessions.renew(login.refreshToken))).toBe('SESSION_ENDED');
  });

  test('none is held of a session that a trusted issuer opened', async () => {
    const open = await sharing();
    const { accessToken } = await open.exchange.exchange(request(bench.token()), peer);
    const { session } = await open.sessions.authenticate(accessToken);
    expect(await reasonOf(open.exchange.providerToken(session, 0))).toBe('PROVIDER_TOKENS_NOT_SHARED');
  });
});
