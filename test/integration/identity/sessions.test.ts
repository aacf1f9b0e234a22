import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { TokenPair } from '../../../src/core/services.ts';
import { drop, type EvilAnswer, type EvilIdp, html, startEvilIdp } from '../../support/evil-idp.ts';
import { type Bench, evilIssuer, logIn, openBench, providerOf, reasonOf } from './setup.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let idp: EvilIdp;
let bench: Bench;
beforeEach(async () => {
  idp = await startEvilIdp();
  bench = await openBench(evilIssuer(idp));
});
afterEach(async () => {
  await bench.cleanup();
  await idp.stop();
});

const refreshes = () => idp.requests.filter((one) => one.form.get('grant_type') === 'refresh_token');
const later = (minutes: number) => bench.clock.advance(minutes * MINUTE);
const badGrant: EvilAnswer = { status: 400, json: { error: 'invalid_grant' } };
const kinds = (of = bench) => of.events.map((event) => event.kind);

describe('a session', () => {
  test('tells who is calling, and its pair is small', async () => {
    const pair = await logIn(bench);
    const { account, session, subject } = await bench.sessions.authenticate(pair.accessToken);
    expect(subject).toEqual({ principal: 'user:test|alice', issuerAlias: 'test', groups: [] });
    expect(account).toMatchObject({ issuer: idp.issuer, subject: 'alice', handle: 'alice' });
    expect(session).toMatchObject({ id: pair.sessionId, client: 'fedctl test', host: 'laptop', address: '192.0.2.1' });
    expect(pair.accountHandle).toBe('alice');
    expect([599, 600]).toContain(pair.expiresIn);
    expect(pair.refreshToken).toMatch(/^fedrt_[A-Za-z0-9_-]{43}$/);
    expect(pair.accessToken.length + pair.refreshToken.length).toBeLessThan(7000);
    expect(bench.events).toMatchObject([{ kind: 'session-opened', principal: 'user:test|alice' }]);
  });

  test('RT-11: the store holds no token that could be used', async () => {
    const pair = await logIn(bench);
    const session = await bench.store.sessionById(pair.sessionId);
    const text = JSON.stringify(session);
    for (const secret of [pair.accessToken, pair.refreshToken, 'rt-1']) expect(text).not.toContain(secret);
  });

  test('RT-01: while the access token is good the refresh token is not used', async () => {
    const pair = await logIn(bench);
    for (let call = 0; call < 1000; call += 1) {
      const { renewed } = await bench.sessions.authenticatePair(pair.accessToken, 'junk');
      expect(renewed).toBeUndefined();
    }
    expect(refreshes()).toHaveLength(0);
  });

  test('expired access tokens are told apart, and renewed beside their refresh token', async () => {
    const pair = await logIn(bench);
    later(10);
    expect(await reasonOf(bench.sessions.authenticate(pair.accessToken))).toBe('TOKEN_EXPIRED');
    const { caller, renewed } = await bench.sessions.authenticatePair(pair.accessToken, pair.refreshToken);
    expect(caller.session.generation).toBe(2);
    expect(renewed?.refreshToken).not.toBe(pair.refreshToken);
    expect((await bench.sessions.authenticate(renewed?.accessToken ?? '')).account.handle).toBe('alice');
  });

  test('RT-07, RT-08: an expired token steers a renewal only of its own session, and a forged one none', async () => {
    const mine = await logIn(bench);
    idp.on('/token', () => idp.tokens({ id_token: idp.idToken({ sub: 'bob' }), refresh_token: 'rt-bob' }));
    const others = await logIn(bench);
    later(10);
    const { sessions } = bench;
    expect(await reasonOf(sessions.authenticatePair(mine.accessToken, others.refreshToken))).toBe(
      'REFRESH_TOKEN_INVALID',
    );
    const forged = `${mine.accessToken.slice(0, -4)}AAAA`;
    expect(await reasonOf(sessions.authenticatePair(forged, mine.refreshToken))).toBe('TOKEN_INVALID');
    expect(refreshes()).toHaveLength(0);
  });

  test('ends after 14 idle days, 30 days at most', async () => {
    const idle = await logIn(bench);
    bench.clock.advance(14 * DAY);
    expect(await reasonOf(bench.sessions.renew(idle.refreshToken))).toBe('SESSION_ENDED');
    let pair = await logIn(bench);
    for (let days = 0; days < 29; days += 10) {
      pair = await bench.sessions.renew(pair.refreshToken);
      bench.clock.advance(10 * DAY);
    }
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
  });

  test('without a refresh token of the provider it lives 12 hours and renews without the provider', async () => {
    idp.on('/token', () => idp.tokens({ refresh_token: undefined }));
    let pair = await logIn(bench);
    idp.on('/token', () => html(500));
    for (let hours = 0; hours < 11; hours += 1) {
      later(60);
      pair = await bench.sessions.renew(pair.refreshToken);
    }
    later(60);
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
    expect(idp.count('/token')).toBe(1);
  });
});

describe('ending a session', () => {
  test('RV-01, RV-03: the provider is told, ours ends at once here and within 1 s elsewhere', async () => {
    const other = await bench.replica();
    try {
      const pair = await logIn(bench);
      await other.sessions.authenticate(pair.accessToken);
      const { session } = await bench.sessions.authenticate(pair.accessToken);
      expect(await bench.sessions.end(session, 'logout')).toBe(true);
      const [revocation] = idp.requests.filter((one) => one.path === '/revoke');
      expect(revocation?.form.get('token')).toBe('rt-1');
      expect(revocation?.headers.authorization).toMatch(/^Basic /);
      expect(await reasonOf(bench.sessions.authenticate(pair.accessToken))).toBe('SESSION_ENDED');
      expect(await reasonOf(bench.sessions.assertAlive(pair.sessionId))).toBe('SESSION_ENDED');
      bench.clock.advance(1000);
      expect(await reasonOf(other.sessions.authenticate(pair.accessToken))).toBe('SESSION_ENDED');
      expect(await reasonOf(other.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
      expect(await bench.sessions.sessionOfRefreshToken(pair.refreshToken)).toBeUndefined();
    } finally {
      await other.cleanup();
    }
  });

  test('RV-01: with the provider down ours ends all the same', async () => {
    const pair = await logIn(bench);
    idp.on('/revoke', () => drop);
    const session = await bench.sessions.sessionOfRefreshToken(pair.refreshToken);
    if (!session) throw new Error('no session');
    expect(await bench.sessions.end(session, 'logout')).toBe(false);
    expect(await reasonOf(bench.sessions.authenticate(pair.accessToken))).toBe('SESSION_ENDED');
  });
});

describe('renewal', () => {
  test('RT-05: a new refresh token of the provider replaces the old, none keeps it', async () => {
    const first = await logIn(bench);
    idp.on('/token', () => idp.tokens({ refresh_token: undefined }));
    const second = await bench.sessions.renew(first.refreshToken);
    idp.on('/token', () => idp.tokens({ refresh_token: 'rt-2' }));
    const third = await bench.sessions.renew(second.refreshToken);
    await bench.sessions.renew(third.refreshToken);
    expect(refreshes().map((one) => one.form.get('refresh_token'))).toEqual(['rt-1', 'rt-1', 'rt-2']);
  });

  test('RT-02: 50 at once, over two servers, are one refresh and 50 successes', async () => {
    const other = await bench.replica();
    try {
      const pair = await logIn(bench);
      later(10);
      idp.on('/token', (_request, count) => idp.tokens({ refresh_token: `rt-${count}` }));
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 ? other : bench).sessions.authenticatePair(pair.accessToken, pair.refreshToken),
        ),
      );
      expect(refreshes()).toHaveLength(1);
      expect(new Set(answers.map(({ renewed }) => renewed?.refreshToken)).size).toBe(1);
      for (const { renewed } of answers) await bench.sessions.authenticate(renewed?.accessToken ?? '');
    } finally {
      await other.cleanup();
    }
  });

  test('RT-03, RT-04, F-26: an answer that got lost is given again, never asked for again', async () => {
    const pair = await logIn(bench);
    later(10);
    const lost = await bench.sessions.renew(pair.refreshToken);
    // Killed after the durable write, before the answer: another process knows nothing but the store.
    const restarted = await bench.replica();
    try {
      const again = await restarted.sessions.renew(pair.refreshToken);
      expect(again.refreshToken).toBe(lost.refreshToken);
      later(9);
      expect((await restarted.sessions.renew(pair.refreshToken)).refreshToken).toBe(lost.refreshToken);
      expect(refreshes()).toHaveLength(1);
    } finally {
      await restarted.cleanup();
    }
  });

  test.each([
    ['renew.before-provider', 1],
    ['renew.after-provider', 2],
    ['renew.after-write', 1],
  ])('F-26: a crash at %s: the old refresh token works again', async (point, asked) => {
    const pair = await logIn(bench);
    const failpoint = (name: string) => {
      if (name === point) throw new AppError('INTERNAL', 'CRASHED', name);
    };
    const crashing = await bench.replica({ failpoint });
    try {
      expect(await reasonOf(crashing.sessions.renew(pair.refreshToken))).toBe('CRASHED');
      const again = await bench.sessions.renew(pair.refreshToken);
      expect((await bench.sessions.authenticate(again.accessToken)).session.generation).toBe(2);
      // This provider takes a refresh token twice; one that rotates ends the session after its answer is lost.
      expect(refreshes()).toHaveLength(asked);
    } finally {
      await crashing.cleanup();
    }
  });

  test('F-26: a lease whose holder died is taken over', async () => {
    const pair = await logIn(bench);
    const now = bench.clock.now();
    expect(await bench.store.acquireRenewal(pair.sessionId, 1, 'dead', now + 25_000, now)).toBe(true);
    const waiting = bench.sessions.renew(pair.refreshToken);
    expect(refreshes()).toHaveLength(0);
    bench.clock.advance(25_000);
    expect((await waiting).refreshToken).not.toBe(pair.refreshToken);
  });

  test('a superseded token gets the current pair while the new one is unseen, then for 10 minutes, then nothing', async () => {
    const first = await logIn(bench);
    const second = await bench.sessions.renew(first.refreshToken);
    later(24 * 60);
    const repeated = await bench.sessions.renew(first.refreshToken);
    expect(repeated.refreshToken).toBe(second.refreshToken);
    expect([599, 600]).toContain(repeated.expiresIn);
    await bench.sessions.authenticate(repeated.accessToken);
    expect(await reasonOf(bench.sessions.renew(first.refreshToken))).toBe('REFRESH_TOKEN_INVALID');
    expect(kinds()).toContain('refresh-token-late');
    expect((await bench.sessions.renew(second.refreshToken)).accountHandle).toBe('alice');
  });

  test('two generations old, after its 10 minutes, a refresh token ends the session', async () => {
    const first = await logIn(bench);
    const second = await bench.sessions.renew(first.refreshToken);
    const third = await bench.sessions.renew(second.refreshToken);
    expect((await bench.sessions.renew(first.refreshToken)).refreshToken).toBe(third.refreshToken);
    later(11);
    expect(await reasonOf(bench.sessions.renew(first.refreshToken))).toBe('SESSION_ENDED');
    expect(kinds()).toContain('refresh-token-replayed');
    expect(await reasonOf(bench.sessions.renew(third.refreshToken))).toBe('SESSION_ENDED');
  });

  test('F-06: invalid_grant ends the session, and the audit log hears of it', async () => {
    const pair = await logIn(bench);
    idp.on('/token', () => badGrant);
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
    expect(kinds()).toContain('ended-by-provider');
    expect(await reasonOf(bench.sessions.authenticate(pair.accessToken))).toBe('SESSION_ENDED');
  });

  const outages: [string, EvilAnswer, string][] = [
    ['a dropped connection', drop, 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['503', html(503), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['HTML 500', html(500), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['HTML 200', html(200), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['server_error', { status: 500, json: { error: 'server_error' } }, 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['invalid_client', { status: 401, json: { error: 'invalid_client' } }, 'IDENTITY_PROVIDER_REFUSED'],
  ];
  test.each(outages)('F-03, RT-09: %s deletes nothing', async (_name, answer, reason) => {
    const pair = await logIn(bench);
    idp.on('/token', () => answer);
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe(reason);
    expect((await bench.sessions.authenticate(pair.accessToken)).account.handle).toBe('alice');
    idp.on('/token', () => idp.tokens());
    expect((await bench.sessions.renew(pair.refreshToken)).accountHandle).toBe('alice');
  });

  test('F-04: a renewal that the provider never answers is given up after 5 s, for all who wait for it', async () => {
    const pair = await logIn(bench);
    idp.on('/token', () => ({ raw: () => undefined }));
    const began = performance.now();
    const waiting = [1, 2, 3].map(() => reasonOf(bench.sessions.renew(pair.refreshToken)));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['IDENTITY_PROVIDER_UNAVAILABLE']));
    expect(performance.now() - began).toBeLessThan(8000);
  });

  const swaps: [string, Record<string, unknown>][] = [
    ['sub', { sub: 'mallory' }],
    ['authentication', { auth_time: Math.floor(Date.now() / 1000) + 3600 }],
  ];
  test.each(swaps)('RT-06: another %s in the refreshed ID token ends the session', async (_name, claims) => {
    const pair = await logIn(bench);
    idp.on('/token', () => idp.tokens({ id_token: idp.idToken(claims) }));
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
    expect(kinds()).toContain('identity-changed');
  });

  test('RT-06: a refreshed ID token of another issuer or audience is refused', async () => {
    const pair = await logIn(bench);
    for (const claims of [{ iss: 'https://evil.example' }, { aud: 'other' }]) {
      idp.on('/token', () => idp.tokens({ id_token: idp.idToken(claims) }));
      expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    }
  });

  test('F-09: keys that can not be had when they are asked for again do not cost the session', async () => {
    const pair = await logIn(bench);
    idp.on('/keys', () => html(500));
    later(6);
    expect((await bench.sessions.renew(pair.refreshToken)).accountHandle).toBe('alice');
    expect(idp.count('/keys')).toBe(2);
  });

  test('F-07: a provider that rotates its keys costs nobody anything', async () => {
    const pair = await logIn(bench);
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k2', alg: 'RS256', use: 'sig' };
    idp.on('/keys', () => ({ json: { keys: [jwk] } }));
    idp.on('/token', () => idp.tokens({ id_token: idp.idToken({}, { kid: 'k2' }, privateKey) }));
    expect((await bench.sessions.renew(pair.refreshToken)).accountHandle).toBe('alice');
    expect(idp.count('/keys')).toBe(2);
  });

  test('groups that the provider names no more are gone with the renewal; where it can not be asked they stay', async () => {
    const { issuer, client } = evilIssuer(idp);
    const grouped = await openBench(evilIssuer(idp), {
      providers: [{ ...providerOf({ issuer, client }), groupsClaim: 'groups' }],
    });
    try {
      const groupsAfter = async (token: Record<string, unknown>, userinfo: EvilAnswer) => {
        idp.on('/userinfo', () => ({ status: 404, json: {} }));
        idp.on('/token', () => idp.tokens({ id_token: idp.idToken({ groups: ['ward-a'] }) }));
        const { refreshToken } = await logIn(grouped);
        idp.on('/userinfo', () => userinfo);
        idp.on('/token', () => idp.tokens(token));
        const { accessToken } = await grouped.sessions.renew(refreshToken);
        return (await grouped.sessions.authenticate(accessToken)).subject.groups;
      };
      const silent: EvilAnswer = { json: { sub: 'alice' } };
      const away: EvilAnswer = { status: 503, json: {} };
      expect(await groupsAfter({ id_token: idp.idToken() }, silent)).toEqual([]);
      expect(await groupsAfter({ id_token: undefined }, silent)).toEqual([]);
      expect(await groupsAfter({ id_token: undefined }, { json: { sub: 'alice', groups: ['b'] } })).toEqual(['b']);
      expect(await groupsAfter({ id_token: idp.idToken() }, away)).toEqual(['ward-a']);
      expect(await groupsAfter({ id_token: undefined }, { json: { sub: 'bob', groups: ['b'] } })).toEqual(['ward-a']);
    } finally {
      await grouped.cleanup();
    }
  });

  test('a logout during a renewal wins, and the provider gets its new token back', async () => {
    const pair = await logIn(bench);
    const { session } = await bench.sessions.authenticate(pair.accessToken);
    idp.on('/token', async () => {
      await bench.sessions.end(session, 'logout');
      return idp.tokens({ refresh_token: 'rt-too-late' });
    });
    expect(await reasonOf(bench.sessions.renew(pair.refreshToken))).toBe('SESSION_ENDED');
    const revoked = idp.requests.filter((one) => one.path === '/revoke').map((one) => one.form.get('token'));
    expect(revoked).toEqual(['rt-1', 'rt-too-late']);
  });

  test('a session whose provider is not configured any more is over', async () => {
    const pair = await logIn(bench);
    const moved = await startEvilIdp();
    const other = await bench.replica({
      providers: [{ alias: 'test', issuer: moved.issuer, clientId: 'x', allowInsecure: true }],
    });
    try {
      expect(await reasonOf(other.sessions.authenticate(pair.accessToken))).toBe('SESSION_ENDED');
    } finally {
      await other.cleanup();
      await moved.stop();
    }
  });
});

describe('signing keys', () => {
  const kidOf = ({ accessToken }: TokenPair) => JSON.parse(atob(accessToken.split('.')[0] ?? '')).kid;

  test('two servers that start at the same time sign with one key', async () => {
    const other = await bench.replica();
    try {
      await Promise.all([bench.service.start(), other.service.start()]);
      const [mine, theirs] = [await bench.keys.jwks(), await other.keys.jwks()];
      expect(mine.keys).toHaveLength(1);
      expect(mine).toEqual(theirs);
      expect(mine.keys[0]).not.toHaveProperty('d');
    } finally {
      await other.cleanup();
    }
  });

  test('a key is rotated after 30 days; its tokens stay good everywhere until they end', async () => {
    const other = await bench.replica();
    try {
      await bench.service.start();
      bench.clock.advance(30 * DAY - MINUTE);
      const old = await logIn(bench);
      await other.sessions.authenticate(old.accessToken);
      later(2);
      await bench.service.start();
      const fresh = await logIn(bench);
      expect(kidOf(fresh)).not.toBe(kidOf(old));
      for (const { sessions } of [bench, other]) {
        await sessions.authenticate(old.accessToken);
        await sessions.authenticate(fresh.accessToken);
      }
      expect((await bench.keys.jwks()).keys).toHaveLength(2);
      later(15);
      expect((await bench.keys.jwks()).keys).toHaveLength(1);
      const late = await bench.sessions.authenticatePair(old.accessToken, old.refreshToken);
      expect(late.renewed?.accountHandle).toBe('alice');
      bench.clock.advance(14 * DAY + MINUTE);
      await bench.service.start();
      expect(await bench.store.signingKeys()).toHaveLength(1);
    } finally {
      await other.cleanup();
    }
  });
});
