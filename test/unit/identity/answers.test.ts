import { describe, expect, test } from '@jest/globals';
import { display, identityOf } from '../../../src/server/identity/claims.ts';
import { readDeviceStart } from '../../../src/server/identity/device-start.ts';
import { createStartPace } from '../../../src/server/identity/login-limits.ts';
import { createLru } from '../../../src/server/identity/lru.ts';
import { opaqueHash } from '../../../src/server/identity/opaque.ts';
import { judgeFailure, toAppError } from '../../../src/server/identity/provider-errors.ts';
import { fakeClock, reasonOf } from './fixtures.ts';

const mapping = { issuer: 'https://idp', issuerAlias: 'a', groupsClaim: 'groups', usernameClaim: 'preferred_username' };

describe('claims', () => {
  test('AT-09: the person is (iss, sub); names fall back to what there is', () => {
    const all = {
      sub: 's',
      preferred_username: 'ann',
      name: 'Ann A',
      email: 'a@x',
      auth_time: 5,
      iat: 9,
      groups: ['g'],
    };
    expect(identityOf(all, mapping, 1)).toEqual({
      kind: 'user',
      issuer: 'https://idp',
      issuerAlias: 'a',
      subject: 's',
      preferredName: 'ann',
      displayName: 'Ann A',
      email: 'a@x',
      groups: ['g'],
      authTime: 5000,
    });
    expect(identityOf({ sub: 's', email: 'ann@x' }, mapping, 1)).toMatchObject({ preferredName: 'ann', authTime: 1 });
    expect(identityOf({ sub: 's', name: 7, email: {} }, mapping, 1)).toMatchObject({ preferredName: 's', email: '' });
    expect(identityOf({ sub: 's', email: 'ann@x', email_verified: false }, mapping, 1)).toMatchObject({ email: '' });
    expect(identityOf({ sub: 's', email: 'ann@x', email_verified: true }, mapping, 1)).toMatchObject({
      email: 'ann@x',
    });
  });

  test('group claims of any shape do no harm', () => {
    const groups = (value: unknown) => identityOf({ sub: 's', groups: value }, mapping, 1).groups;
    expect(groups('one')).toEqual(['one']);
    expect(groups(['a', 'a', '', 7, null, { b: 1 }, 'x'.repeat(300)])).toEqual(['a']);
    expect(groups({ a: 1 })).toEqual([]);
    expect(groups(Array.from({ length: 10_000 }, (_, i) => `g${i}`))).toHaveLength(2000);
    expect(identityOf({ sub: 's', groups: ['a'] }, { ...mapping, groupsClaim: undefined }, 1).groups).toEqual([]);
  });

  test('text for people holds no control, direction or broken characters', () => {
    expect(display('a\u001b[31m\u202eb\u0000\u2066c\ud800 ')).toBe('a[31mbc');
    expect(display('x'.repeat(1000))).toHaveLength(255);
  });
});

describe('a device authorization answer', () => {
  const good = { device_code: 'd', user_code: 'AB-CD', verification_uri: 'https://idp/d', expires_in: 600 };
  const read = (change: object, allowInsecure = false) =>
    readDeviceStart({ ...good, ...change }, { allowInsecure, intervalMs: 5000 });

  test('DG-02: no interval is 5 s; 0 and huge ones are bounded', () => {
    expect(read({}).intervalMs).toBe(5000);
    expect(read({ interval: 0 }).intervalMs).toBe(1000);
    expect(read({ interval: 7 }).intervalMs).toBe(7000);
    expect(read({ interval: 1e9 }).intervalMs).toBe(60_000);
  });

  test('DG-11: http on loopback only where it is allowed', async () => {
    const local = { verification_uri: 'http://127.0.0.1:8080/d' };
    expect(read(local, true).verificationUri).toBe('http://127.0.0.1:8080/d');
    for (const uri of [
      'http://127.0.0.1.evil.example/',
      'http://127.0.0.1@evil.example/',
      'http://10.0.0.1/',
      'ftp://x/',
    ])
      expect(await reasonOf(() => read({ verification_uri: uri }, true))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(await reasonOf(() => read(local))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  test('DG-11: user codes that a terminal could take otherwise', async () => {
    for (const code of ['', ' ', 'A\nB', '\u001b[2J', 'ÄÖ', 'x'.repeat(65)])
      expect(await reasonOf(() => read({ user_code: code }))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  test.each([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY]])('expires_in %p', async (expires_in) => {
    expect(await reasonOf(() => read({ expires_in }))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });
});

describe('failures of a provider', () => {
  const body = (error: string, status = 400) => ({ code: 'OAUTH_RESPONSE_BODY_ERROR', message: 'm', error, status });

  test.each([
    [body('invalid_grant'), 'PROVIDER_GRANT_ENDED'],
    [body('invalid_client', 401), 'IDENTITY_PROVIDER_REFUSED'],
    [body('invalid_scope'), 'IDENTITY_PROVIDER_REFUSED'],
    [body('invalid_grant', 500), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    [body('temporarily_unavailable'), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    [body('constructor'), 'IDENTITY_PROVIDER_UNAVAILABLE'],
    [undefined, 'IDENTITY_PROVIDER_UNAVAILABLE'],
    ['text', 'IDENTITY_PROVIDER_UNAVAILABLE'],
  ])('RT-09: %j is %s', (raised, reason) => {
    expect(toAppError(raised).reason).toBe(reason);
  });

  test('only what never reached an answer may be asked again', () => {
    const conform = (status: number) => ({ code: 'OAUTH_RESPONSE_IS_NOT_CONFORM', cause: { status } });
    expect([429, 502, 503, 504, 500, 404].map((status) => judgeFailure(conform(status)).kind)).toEqual([
      'network',
      'network',
      'network',
      'network',
      'outage',
      'invalid',
    ]);
    expect(judgeFailure({ code: 'OAUTH_TIMEOUT' }).kind).toBe('network');
    expect(judgeFailure({ name: 'TypeError', cause: new Error('refused') }).kind).toBe('network');
    expect(judgeFailure({ name: 'TypeError' }).kind).toBe('invalid');
  });
});

describe('small parts', () => {
  test('an opaque value is hashed only if it can be one', () => {
    const good = `fedrt_${'A'.repeat(43)}`;
    expect(opaqueHash(good, 'fedrt_')).toMatch(/^[0-9a-f]{64}$/);
    for (const bad of [good.slice(1), `${good}A`, good.replace('A', ' '), good.replace('fedrt', 'fedlg'), ''])
      expect(opaqueHash(bad, 'fedrt_')).toBeUndefined();
  });

  test('an LRU keeps what is used and stays bounded', () => {
    const lru = createLru<number>(2);
    lru.set('a', 1);
    lru.set('b', 2);
    expect(lru.get('a')).toBe(1);
    lru.set('c', 3);
    expect([lru.get('a'), lru.get('b'), lru.get('c'), lru.size]).toEqual([1, undefined, 3, 2]);
  });

  test('DG-13: starts refill evenly, per address', () => {
    const clock = fakeClock();
    const pace = createStartPace({ perMinute: 2, clock });
    expect([pace.take('a'), pace.take('a'), pace.take('a'), pace.take('b')]).toEqual([0, 0, 30_000, 0]);
    clock.advance(30_000);
    expect([pace.take('a'), pace.take('a')]).toEqual([0, 30_000]);
  });
});
