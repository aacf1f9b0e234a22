import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkAnswer } from '../../../src/server/identity/authorization.ts';
import { identityOf } from '../../../src/server/identity/claims.ts';
import { createGuessPace, createPace } from '../../../src/server/identity/login-limits.ts';
import { isLoopbackRedirect, kindsOf } from '../../../src/server/identity/login-start.ts';
import { createWaiting } from '../../../src/server/identity/login-waiting.ts';
import { checkFreshness } from '../../../src/server/identity/told.ts';
import { newUserCode, parseUserCode, showUserCode } from '../../../src/server/identity/user-codes.ts';
import { fakeClock, reasonOf } from './fixtures.ts';

describe('user codes (RFC 8628 6.1)', () => {
  test('a code survives being read out, typed and pasted; all its letters occur', () => {
    const letters = new Set<string>();
    for (let i = 0; i < 500; i += 1) {
      const code = newUserCode();
      expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
      for (const letter of code) letters.add(letter);
      const shown = showUserCode(code);
      for (const typed of [shown, shown.toLowerCase(), code, ` ${code} `, [...code].join(' '), shown.replace('-', '–')])
        expect(parseUserCode(typed)).toBe(code);
    }
    expect(letters.size).toBe(20);
  });

  test('any text is a code or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const code = parseUserCode(text);
        return code === undefined || /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code);
      }),
    );
  });
});

describe('guesses', () => {
  test('ten a minute for an address, where an IPv6 address counts with its network', () => {
    const guesses = createGuessPace(fakeClock());
    const waits = Array.from({ length: 11 }, (_, i) => guesses.take(`2001:db8::${i + 1}`));
    expect(waits.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
    expect(waits[10]).toBe(6000);
  });

  test('200 a minute in all, whoever guesses', () => {
    const clock = fakeClock();
    const guesses = createGuessPace(clock);
    const take = (i: number) => guesses.take(`192.0.${i >> 8}.${i & 255}`);
    const waits = Array.from({ length: 300 }, (_, i) => take(i));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(200);
    clock.advance(300);
    expect([take(1000), take(1001)]).toEqual([0, 300]);
  });

  test('what is given back counts as not taken, and never as more', () => {
    const pace = createPace({ perMinute: 2, clock: fakeClock() });
    pace.giveBack('a');
    expect([pace.take('a'), pace.take('a'), pace.take('a')]).toEqual([0, 0, 30_000]);
    pace.giveBack('a');
    expect([pace.take('a'), pace.take('a')]).toEqual([0, 30_000]);
  });
});

describe('which kinds of login a provider serves', () => {
  const all = { device: true, code: true, namesIssuer: true };
  test.each([
    ['auto', all, 1, ['device', 'code']],
    ['auto', { ...all, device: false }, 1, ['page', 'code']],
    ['always', all, 1, ['page', 'code']],
    ['always', { ...all, code: false }, 1, []],
    ['never', { ...all, device: false }, 1, ['code']],
    ['auto', { ...all, namesIssuer: false }, 1, ['device', 'code']],
    ['auto', { ...all, namesIssuer: false }, 2, ['device']],
    ['auto', all, 2, ['device', 'code']],
  ] as const)('page %p, %j, %d issuers: %j', (page, abilities, issuers, kinds) => {
    expect(kindsOf({ page }, abilities, issuers)).toEqual(kinds);
  });
});

describe('answers at the redirect URI', () => {
  const expected = { state: 'right', issuer: 'https://idp.example', namesIssuer: true };
  const good = { code: 'c', state: 'right', iss: 'https://idp.example', error: '', errorDescription: '' };

  test('fuzz: whatever comes, only our state, this very issuer and a code pass', async () => {
    const text = fc.oneof(fc.constantFrom('', ...Object.values(good), 'access_denied'), fc.string());
    const answer = fc.record({ code: text, state: text, iss: text, error: text, errorDescription: text });
    await fc.assert(
      fc.asyncProperty(answer, fc.boolean(), async (given, namesIssuer) => {
        const outcome = await reasonOf(() => checkAnswer(given, { ...expected, namesIssuer }));
        const isRight =
          given.state === good.state &&
          (given.iss === good.iss || (given.iss === '' && !namesIssuer)) &&
          given.error === '' &&
          given.code !== '';
        expect(outcome === 'no error').toBe(isRight);
        expect(outcome).toMatch(/^[A-Za-z_ ]+$/);
      }),
      { examples: [[good, true]] },
    );
  });

  test('fuzz: a redirect URI that passes is this machine', () => {
    const host = fc.constantFrom(
      '127.0.0.1',
      '[::1]',
      'localhost',
      'evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
    );
    const odd = fc.constantFrom('', '@', '/', '?', '#', '\\', ' ', '\n', '%2f', ':80', ':0', ':99999', 'evil.example');
    const uri = fc.tuple(
      fc.constantFrom('http://', 'https://', '//', 'javascript:'),
      odd,
      host,
      odd,
      fc.constantFrom('/oauth/callback', '/x'),
      odd,
    );
    fc.assert(
      fc.property(uri, (parts) => {
        const text = parts.join('');
        if (!isLoopbackRedirect(text)) return true;
        const { protocol, hostname, pathname, search, hash, username } = new URL(text);
        const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
        return protocol === 'http:' && isHere && pathname === '/oauth/callback' && !search && !hash && !username;
      }),
      { numRuns: 1000 },
    );
  });
});

describe('claims of an ID token', () => {
  const mapping = {
    issuer: 'https://idp',
    issuerAlias: 'a',
    groupsClaim: 'groups',
    usernameClaim: 'preferred_username',
  };

  test('fuzz: any claims make a person with clean, bounded texts, or are refused', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.jsonValue(),
      fc.constantFrom(null, undefined, 0, -1, 2 ** 60),
    );
    const claims = fc.record(
      {
        sub: value,
        preferred_username: value,
        name: value,
        email: value,
        email_verified: value,
        groups: value,
        auth_time: value,
        iat: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(claims, async (given) => {
        const outcome = await reasonOf(() => {
          const person = identityOf(given, mapping, 1);
          expect(person.subject).toBe(given.sub);
          for (const text of [person.preferredName, person.displayName, person.email]) {
            expect(text.length).toBeLessThanOrEqual(255);
            expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
          }
          expect(person.groups.every((group) => typeof group === 'string' && group !== '')).toBe(true);
          expect(Number.isSafeInteger(person.authTime) && person.authTime > 0).toBe(true);
        });
        expect(['no error', 'IDENTITY_PROVIDER_UNAVAILABLE']).toContain(outcome);
      }),
      { numRuns: 500 },
    );
  });

  test('ID-05: fuzz: an authentication passes only if it is told and young enough', async () => {
    const now = 1_800_000_000;
    const told = fc.oneof(
      fc.integer({ min: now - 5000, max: now + 100 }),
      fc.constantFrom(undefined, null, 'x', Number.NaN, '0'),
    );
    await fc.assert(
      fc.asyncProperty(told, fc.option(fc.nat(4000), { nil: undefined }), async (auth_time, maxAge) => {
        const outcome = await reasonOf(() => checkFreshness({ auth_time }, maxAge, now * 1000));
        const isFresh = maxAge === undefined || (typeof auth_time === 'number' && now - auth_time <= maxAge + 30);
        expect(outcome).toBe(isFresh ? 'no error' : 'IDENTITY_PROVIDER_UNAVAILABLE');
      }),
    );
  });
});

describe('waiting', () => {
  const never = new AbortController().signal;
  const open = (limit = 2, look = async (hashes: readonly string[]) => new Set(hashes)) =>
    createWaiting({ logins: { openLogins: look } as never, limit });

  test('places are bounded, and free again when left', async () => {
    const waiting = open();
    const [a, b] = [waiting.enter('a', never), waiting.enter('b', never)];
    expect(await reasonOf(() => waiting.enter('c', never))).toBe('TOO_MANY_LOGINS');
    a.leave();
    waiting.enter('c', never).leave();
    b.leave();
    expect(waiting.size).toBe(0);
  });

  test('a wake before the rest is not lost; one rest uses it up', async () => {
    const waiting = open();
    const seat = waiting.enter('a', never);
    waiting.wake('a');
    await seat.rest(60_000);
    const began = performance.now();
    await seat.rest(30);
    expect(performance.now() - began).toBeGreaterThan(20);
    seat.leave();
  });

  test('who is displaced keeps no place, and leaving then takes nobody else out', async () => {
    const waiting = open(1);
    const first = waiting.enter('a', never);
    const second = waiting.enter('a', never);
    await first.rest(60_000);
    expect([first.isTaken, second.isTaken]).toEqual([true, false]);
    first.leave();
    expect(waiting.size).toBe(1);
    second.leave();
  });

  test('a store that can not be asked wakes nobody', async () => {
    let asked = 0;
    const waiting = open(2, async () => {
      asked += 1;
      throw new Error('no store');
    });
    const seat = waiting.enter('a', never);
    const began = performance.now();
    await seat.rest(600);
    expect(performance.now() - began).toBeGreaterThan(590);
    expect(asked).toBeGreaterThanOrEqual(1);
    seat.leave();
  });
});
