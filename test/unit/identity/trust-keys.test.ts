import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { CLAIMS, jwkOf, rsa, signed, trustBench } from './trust-bench.ts';

const k1 = jwkOf(rsa.publicKey, { kid: 'k1', alg: 'RS256' });
const next = generateKeyPairSync('rsa', { modulusLength: 2048 });
const k2 = jwkOf(next.publicKey, { kid: 'k2', alg: 'RS256' });

/** A token with all its life before it, whatever the clock says. */
const token = (kid: string | undefined, key = rsa.privateKey) =>
  signed({ alg: 'RS256', kid }, { ...CLAIMS, exp: 9_000_000_000 }, key);
const HOUR = 3600_000;

describe('keys of a trusted issuer', () => {
  test('are read at the first token, and again after an hour', async () => {
    const { refusal, reads, clock } = trustBench();
    expect(reads()).toBe(0);
    await Promise.all([1, 2, 3].map(() => refusal(token('k1'))));
    expect(reads()).toBe(1);
    clock.advance(HOUR - 1);
    await refusal(token('k1'));
    expect(reads()).toBe(1);
    clock.advance(1);
    expect(await refusal(token('k1'))).toBe('no error');
    expect(reads()).toBe(2);
  });

  test('MD-03, T-12: 10,000 random key ids cost two reads; one more each 30 s', async () => {
    const { keys, refusal, reads, clock } = trustBench();
    for (let round = 0; round < 100; round += 1) {
      const some = Array.from({ length: 100 }, (_, index) => keys.find({ kid: `r${round}-${index}`, alg: 'RS256' }));
      expect((await Promise.all(some)).filter(Boolean)).toEqual([]);
    }
    expect(reads()).toBe(2);
    expect(await refusal(token('k1'))).toBe('no error');
    clock.advance(30_000);
    for (let count = 0; count < 10; count += 1) await keys.find({ kid: `s${count}`, alg: 'RS256' });
    expect(reads()).toBe(3);
  });

  test('F-07: a new key is found with one read, and no good token fails', async () => {
    const { refusal, reads, publish } = trustBench();
    await refusal(token('k1'));
    publish(k1, k2);
    const both = [token('k2', next.privateKey), token('k1'), token('k2', next.privateKey)];
    expect(await Promise.all(both.map(refusal))).toEqual(['no error', 'no error', 'no error']);
    expect(reads()).toBe(2);
  });

  test('F-08: a key that is taken away ends its tokens at the next read', async () => {
    const { refusal, publish, clock } = trustBench();
    await refusal(token('k1'));
    publish(k2);
    clock.advance(HOUR);
    expect(await refusal(token('k1'))).toBe('TOKEN_INVALID');
    expect(await refusal(token('k2', next.privateKey))).toBe('no error');
  });

  test('F-09: an empty, doubled or useless set keeps the last good one', async () => {
    const useless = [
      [],
      [k1, { ...k2, kid: 'k1' }],
      [{ kty: 'oct', k: 'AAAA', kid: 'k1' }],
      [null],
      [{ ...k1, use: 'enc' }],
    ];
    for (const keys of useless) {
      const { refusal, publish, clock } = trustBench();
      await refusal(token('k1'));
      publish(...(keys as never[]));
      clock.advance(HOUR);
      expect(await refusal(token('k1'))).toBe('no error');
      expect(await refusal(token('k2', next.privateKey))).toBe('TOKEN_INVALID');
    }
  });

  test('MD-03, F-02: while the issuer is down they serve for a day, and it is not asked all the time', async () => {
    const { refusal, reads, fail, clock } = trustBench();
    await refusal(token('k1'));
    fail();
    clock.advance(HOUR);
    for (let count = 0; count < 50; count += 1) expect(await refusal(token('k1'))).toBe('no error');
    expect(reads()).toBe(2);
    clock.advance(22 * HOUR);
    expect(await refusal(token('k1'))).toBe('no error');
    clock.advance(HOUR);
    expect(await refusal(token('k1'))).toBe('TRUSTED_ISSUER_UNAVAILABLE');
  });

  test('without any: UNAVAILABLE, tried again each second', async () => {
    const { refusal, reads, fail, publish, clock } = trustBench();
    fail();
    for (let count = 0; count < 10; count += 1) expect(await refusal(token('k1'))).toBe('TRUSTED_ISSUER_UNAVAILABLE');
    expect(reads()).toBe(1);
    publish(k1);
    clock.advance(1000);
    expect(await refusal(token('k1'))).toBe('no error');
  });

  test('AT-13: a token without a key id can mean the only key, and no one of several', async () => {
    const { refusal, publish, clock } = trustBench();
    expect(await refusal(token(undefined))).toBe('no error');
    publish(k1, k2);
    clock.advance(HOUR);
    expect(await refusal(token(undefined))).toBe('TOKEN_INVALID');
  });

  test('AT-13: too small, private, of another curve or for something else: not used', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const bad = [
      jwkOf(small.publicKey, { kid: 'k1' }),
      { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'k1' },
      { ...k1, key_ops: ['encrypt'] },
      { ...k1, alg: 'RS384' },
      { ...k1, kid: 7 },
      jwkOf(p256, { kid: 'k1', crv: 'P-384' }),
    ];
    for (const key of bad) {
      const { refusal, publish } = trustBench();
      publish(key, k2);
      expect(await refusal(token('k1'))).toBe('TOKEN_INVALID');
      expect(await refusal(token('k2', next.privateKey))).toBe('no error');
    }
  });
});
