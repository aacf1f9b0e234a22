import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { accountPrincipal } from '../../../src/core/principals.ts';
import { type ExchangeRequest, TOKEN_TYPES } from '../../../src/core/services.ts';
import {
  claimsOf,
  type ExchangeBench,
  type Issuers,
  OTHER_SERVICE,
  openExchange,
  request,
  rule,
  startIssuers,
} from './exchange-setup.ts';
import { logIn, ISSUER as OURS, peer, reasonOf } from './setup.ts';

let issuers: Issuers;
let bench: ExchangeBench;
beforeAll(async () => {
  issuers = await startIssuers();
});
afterAll(() => issuers.stop());

const exchange = (token: string, change: Partial<ExchangeRequest> = {}) =>
  bench.exchange.exchange(request(token, change), peer);
const refusal = (token: string, change: Partial<ExchangeRequest> = {}) => reasonOf(exchange(token, change));

afterEach(() => bench.cleanup());

describe('a token of a trusted issuer', () => {
  beforeEach(async () => {
    bench = await openExchange({ issuers });
  });

  test('TX-03: gets one of ours, for the service account that the rule names', async () => {
    const token = await exchange(bench.token());
    expect(token).toMatchObject({
      issuedTokenType: TOKEN_TYPES.accessToken,
      scopes: undefined,
      accountHandle: 'trainer',
    });
    const { account, session, subject, scopes } = await bench.sessions.authenticate(token.accessToken);
    expect(account).toMatchObject({ kind: 'service_account', subject: 'trainer', issuerAlias: 'local' });
    expect(subject.principal).toBe('service_account:local|trainer');
    expect(accountPrincipal(account)).toBe(subject.principal);
    expect(session).toMatchObject({ id: token.sessionId, origin: 'ci', client: 'fedctl test', host: 'runner-1' });
    expect(scopes).toBeUndefined();
    expect(claimsOf(token.accessToken)).not.toHaveProperty('scope');
    expect(bench.events).toMatchObject([{ kind: 'session-opened', sessionId: token.sessionId }]);
  });

  test('TX-05: ends with the token that it came from', async () => {
    const token = await exchange(bench.token());
    expect(token.expiresIn).toBeGreaterThan(295);
    expect(token.expiresIn).toBeLessThanOrEqual(300);
    bench.clock.advance(301_000);
    expect(await reasonOf(bench.sessions.authenticate(token.accessToken))).toBe('TOKEN_EXPIRED');
    // As an expired token and not as a logout: a client that follows a log gets its next token and goes on.
    expect(await reasonOf(bench.sessions.assertAlive(token.sessionId))).toBe('TOKEN_EXPIRED');
  });

  test('TX-05: or after 15 minutes; then the same token may have its next session', async () => {
    const long = bench.token({ exp: Math.floor(bench.clock.now() / 1000) + 7200 });
    const first = await exchange(long);
    bench.clock.advance(901_000);
    expect(await reasonOf(bench.sessions.assertAlive(first.sessionId))).toBe('TOKEN_EXPIRED');
    const second = await exchange(long);
    expect(second.sessionId).not.toBe(first.sessionId);
    expect((await bench.sessions.authenticate(second.accessToken)).session.id).toBe(second.sessionId);
  });

  test('again and again: the same session, in every process', async () => {
    const subject = bench.token();
    const other = await bench.replica();
    const both = [bench.exchange, other.exchange, bench.exchange, other.exchange];
    const made = await Promise.all(both.map((one) => one.exchange(request(subject), peer)));
    expect(new Set(made.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  test('a session that was ended before its time stays so', async () => {
    const subject = bench.token();
    const { sessionId } = await exchange(subject);
    const { session } = await bench.sessions.assertAlive(sessionId);
    await bench.sessions.end(session, 'logout');
    expect(await refusal(subject)).toBe('SESSION_ENDED');
    bench.clock.advance(200_000);
    expect(await refusal(subject)).toBe('SESSION_ENDED');
  });

  test('a session that could not be recorded never was: the token gets one as soon as it can be', async () => {
    const broken = await bench.replica({
      onEvent: () => {
        throw new Error('disk full');
      },
    });
    const subject = bench.token();
    await expect(broken.exchange.exchange(request(subject), peer)).rejects.toThrow('disk full');
    const { sessionId } = await exchange(subject);
    expect((await exchange(subject)).sessionId).toBe(sessionId);
  });

  test('TX-02: for another audience, of another issuer, expired, or signed by another key: refused', async () => {
    expect(await refusal(bench.token({ aud: 'https://github.com/lab' }))).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({ iss: 'https://elsewhere.example' }))).toBe('ISSUER_NOT_TRUSTED');
    expect(await refusal(bench.token({ exp: Math.floor(bench.clock.now() / 1000) - 1 }))).toBe('TOKEN_EXPIRED');
    expect(await refusal(bench.idp.idToken({ ...claimsOf(bench.token()), iss: bench.ci.issuer }))).toBe(
      'TOKEN_INVALID',
    );
    expect(await refusal('opaque-token')).toBe('ISSUER_NOT_TRUSTED');
  });

  test.each<[string, Record<string, unknown>]>([
    ['another repository', { repository_id: '47110' }],
    ['a repository whose id begins so', { repository_id: '471' }],
    ['another branch', { ref: 'refs/heads/main2' }],
    ['a number in place of the text', { repository_id: 4711 }],
    ['a list with the text', { ref: ['refs/heads/main'] }],
    ['no such claim', { ref: undefined }],
  ])('TX-04: %s does not fit the rule', async (_name, change) => {
    expect(await refusal(bench.token(change))).toBe('NO_TRUST_RULE');
  });

  test('TX-04: the refusal names claims, and no value of one', async () => {
    const error = await exchange(bench.token({ ref: 'refs/heads/secret-branch' })).catch((raised) => raised);
    expect(error.message).toContain('repository_id');
    expect(error.message).not.toContain('secret-branch');
  });

  test('TX-01, TX-07: what is missing or unknown in a request', async () => {
    const subject = bench.token();
    const table: [Partial<ExchangeRequest>, string][] = [
      [{ subjectToken: '' }, 'TOKEN_REQUEST_INVALID'],
      [{ subjectTokenType: '' }, 'TOKEN_REQUEST_INVALID'],
      [{ subjectTokenType: 'urn:ietf:params:oauth:token-type:saml2' }, 'TOKEN_TYPE_UNKNOWN'],
      [{ requestedTokenType: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'TOKEN_TYPE_UNKNOWN'],
      [{ actorToken: subject }, 'TOKEN_REQUEST_INVALID'],
      [{ actorTokenType: TOKEN_TYPES.jwt }, 'TOKEN_REQUEST_INVALID'],
      [{ actorToken: subject, actorTokenType: TOKEN_TYPES.jwt }, 'TOKEN_REQUEST_INVALID'],
      [{ scopes: ['runs:read', 'everything'] }, 'SCOPE_UNKNOWN'],
      [{ audience: ['https://elsewhere.example'] }, 'AUDIENCE_NOT_OFFERED'],
      [{ audience: [OURS], resource: [OTHER_SERVICE] }, 'AUDIENCE_NOT_OFFERED'],
    ];
    for (const [change, reason] of table) expect([change, await refusal(subject, change)]).toEqual([change, reason]);
    expect(await refusal(subject, { audience: [OURS], resource: [OURS], subjectTokenType: TOKEN_TYPES.idToken })).toBe(
      'no error',
    );
  });

  test('DP-01: a token that is bound to a key is no plain bearer token', async () => {
    expect(await refusal(bench.token({ cnf: { jkt: 'x' } }))).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({ cnf: { 'x5t#S256': 'x' } }))).toBe('TOKEN_INVALID');
  });

  test('AT-02: an ID token of a login is refused', async () => {
    expect(await refusal(bench.token({ aud: [OURS, 'fedctl-test'] }))).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({ nonce: 'n' }))).toBe('TOKEN_INVALID');
  });

  test('on a call: as it is, without an exchange before', async () => {
    const subject = bench.token();
    const caller = await bench.sessions.authenticate(subject, peer);
    expect(caller.subject.principal).toBe('service_account:local|trainer');
    expect(caller.session.address).toBe(peer.address);
    const again = await Promise.all([1, 2, 3].map(() => bench.sessions.authenticate(subject, peer)));
    expect(new Set([caller, ...again].map(({ session }) => session.id)).size).toBe(1);
    expect((await exchange(subject)).sessionId).toBe(caller.session.id);
    bench.clock.advance(301_000);
    expect(await reasonOf(bench.sessions.authenticate(subject, peer))).toBe('TOKEN_EXPIRED');
  });

  test('on a call: one that is no good, and one whose session was ended', async () => {
    expect(await reasonOf(bench.sessions.authenticate(bench.token({ aud: 'x' }), peer))).toBe('TOKEN_INVALID');
    expect(await reasonOf(bench.sessions.authenticate('junk', peer))).toBe('TOKEN_INVALID');
    const subject = bench.token();
    const { session } = await bench.sessions.authenticate(subject, peer);
    await bench.sessions.end(session, 'logout');
    expect(await reasonOf(bench.sessions.authenticate(subject, peer))).toBe('SESSION_ENDED');
  });
});

describe('a token of ours', () => {
  beforeEach(async () => {
    bench = await openExchange({ issuers });
  });
  const ours = { subjectTokenType: TOKEN_TYPES.accessToken };

  test('gets a narrower one, which can not be widened', async () => {
    const login = await logIn(bench);
    const read = await exchange(login.accessToken, { ...ours, scopes: ['runs:read', 'nodes:read'] });
    expect(read.scopes).toEqual(['runs:read', 'nodes:read']);
    expect(claimsOf(read.accessToken)).toMatchObject({ scope: 'runs:read nodes:read', sid: login.sessionId });
    expect((await bench.sessions.authenticate(read.accessToken)).scopes).toEqual(['runs:read', 'nodes:read']);
    const less = await exchange(read.accessToken, { ...ours, scopes: ['runs:read', 'runs:write'] });
    expect(less.scopes).toEqual(['runs:read']);
    expect((await exchange(read.accessToken, ours)).scopes).toEqual(['runs:read', 'nodes:read']);
    expect(await refusal(read.accessToken, { ...ours, scopes: ['account:write'] })).toBe('SCOPE_MISSING');
  });

  test('does not live longer than the one that was shown', async () => {
    const login = await logIn(bench);
    bench.clock.advance(400_000);
    const next = await exchange(login.accessToken, ours);
    expect(next.expiresIn).toBeLessThanOrEqual(200);
    expect(claimsOf(next.accessToken).exp).toBe(claimsOf(login.accessToken).exp);
    bench.clock.advance(200_000);
    expect(await refusal(next.accessToken, ours)).toBe('TOKEN_EXPIRED');
  });

  test('AT-04: for another service, this server refuses it, on calls and for exchange', async () => {
    const login = await logIn(bench);
    const { accessToken } = await exchange(login.accessToken, { ...ours, audience: [OTHER_SERVICE] });
    expect(claimsOf(accessToken)).toMatchObject({ aud: OTHER_SERVICE });
    expect(await reasonOf(bench.sessions.authenticate(accessToken))).toBe('TOKEN_INVALID');
    expect(await refusal(accessToken, ours)).toBe('TOKEN_INVALID');
  });

  test('is refused as an ID token, when its session has ended, and as a refresh token', async () => {
    const login = await logIn(bench);
    expect(await refusal(login.accessToken, { subjectTokenType: TOKEN_TYPES.idToken })).toBe('TOKEN_INVALID');
    expect(await refusal(login.refreshToken, ours)).toBe('ISSUER_NOT_TRUSTED');
    const { session } = await bench.sessions.authenticate(login.accessToken);
    await bench.sessions.end(session, 'logout');
    expect(await refusal(login.accessToken, ours)).toBe('SESSION_ENDED');
  });
});

describe('rules', () => {
  test('the first that fits counts; scopes and life are its own', async () => {
    const rules = [
      rule({ claims: { ref: 'refs/heads/main' }, serviceAccount: 'reader', scopes: ['runs:read'], maxLifeMs: 60_000 }),
      rule(),
    ];
    bench = await openExchange({ issuers, rules: () => rules });
    const token = await exchange(bench.token(), { scopes: ['runs:read', 'runs:write'] });
    expect(token).toMatchObject({ accountHandle: 'reader', scopes: ['runs:read'] });
    expect(token.expiresIn).toBeLessThanOrEqual(60);
    expect((await bench.sessions.authenticate(token.accessToken)).scopes).toEqual(['runs:read']);
    expect((await bench.sessions.authenticate(bench.token(), peer)).scopes).toEqual(['runs:read']);
    expect(await refusal(bench.token(), { scopes: ['runs:write'] })).toBe('SCOPE_MISSING');
  });

  test('a person: the account of their own login, its name untouched; groups are those of the token', async () => {
    bench = await openExchange({
      issuers,
      trust: { groupsClaim: 'teams' },
      rules: ({ issuer }) => [
        rule({ serviceAccount: undefined, person: { issuer, alias: 'test' }, personClaim: 'user', claims: {} }),
      ],
    });
    const login = await logIn(bench);
    const known = await bench.sessions.authenticate(login.accessToken);
    const subject = bench.token({ user: 'alice', teams: ['ml'], preferred_username: 'mallory' });
    const caller = await bench.sessions.authenticate(subject, peer);
    expect(caller.account).toEqual(known.account);
    expect(caller.subject).toMatchObject({ principal: 'user:test|alice', issuerAlias: 'ci', groups: ['ml'] });
    expect(await reasonOf(bench.sessions.authenticate(bench.token({ user: 7 }), peer))).toBe('NO_TRUST_RULE');
  });

  test('TX-06: one time: by its jti, in every process, and not on calls as it is', async () => {
    bench = await openExchange({ issuers, rules: () => [rule({ oneTime: true })] });
    const other = await bench.replica();
    const subject = bench.token();
    expect(await reasonOf(bench.sessions.authenticate(subject, peer))).toBe('EXCHANGE_REQUIRED');
    const outcomes = await Promise.all(
      [bench, other, bench, other].map((one) => reasonOf(one.exchange.exchange(request(subject), peer))),
    );
    expect(outcomes.sort()).toEqual(['TOKEN_USED', 'TOKEN_USED', 'TOKEN_USED', 'no error']);
    expect(await refusal(bench.token({ jti: claimsOf(subject).jti }))).toBe('TOKEN_USED');
    expect(await refusal(bench.token({ jti: undefined }))).toBe('TOKEN_INVALID');
    expect(await refusal(bench.token({ exp: Math.floor(bench.clock.now() / 1000) + 90_000 }))).toBe('TOKEN_INVALID');
  });

  test('a session ends where its [[trust]] table is gone', async () => {
    bench = await openExchange({ issuers });
    const { accessToken } = await exchange(bench.token());
    const without = await bench.replica({ trust: undefined });
    expect(await reasonOf(without.sessions.authenticate(accessToken))).toBe('SESSION_ENDED');
  });
});
