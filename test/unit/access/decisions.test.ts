import { describe, expect, test } from '@jest/globals';
import { createDecisionCache, type DecisionCacheOptions } from '../../../src/server/access/decisions.ts';

function setUp(change: Partial<DecisionCacheOptions> = {}) {
  const time = { now: 1_000_000, monotonic: 0, current: true, end: undefined as number | undefined };
  const cache = createDecisionCache({
    cacheMs: 5_000,
    clock: { now: () => time.now, monotonic: () => time.monotonic },
    current: () => time.current,
    nextEnd: () => time.end,
    ...change,
  });
  return { cache, time };
}

describe('the decision cache', () => {
  test('keeps a decision for its time and no longer', () => {
    const { cache, time } = setUp();
    cache.put('a', true, cache.generation());
    cache.put('b', false, cache.generation());
    time.monotonic = 4_999;
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([true, false, undefined]);
    time.monotonic = 5_000;
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, undefined]);
  });

  test('keeps none beyond the end of the next grant, whatever the other clock says', () => {
    const { cache, time } = setUp();
    time.end = time.now + 100;
    cache.put('a', true, cache.generation());
    time.now += 99;
    expect(cache.get('a')).toBe(true);
    time.now += 1;
    expect(cache.get('a')).toBeUndefined();
  });

  test('forgets at a change of grants, and takes no answer that was asked for before it', () => {
    const { cache } = setUp();
    cache.put('a', true, cache.generation());
    const asked = cache.generation();
    cache.drop();
    expect(cache.get('a')).toBeUndefined();
    cache.put('a', true, asked);
    expect(cache.get('a')).toBeUndefined();
    cache.put('a', false, cache.generation());
    expect(cache.get('a')).toBe(false);
  });

  test('gives nothing while the watch is behind', () => {
    const { cache, time } = setUp();
    cache.put('a', true, cache.generation());
    time.current = false;
    expect(cache.get('a')).toBeUndefined();
  });

  test('is bounded: what was used longest ago goes first', () => {
    const { cache } = setUp({ maxEntries: 2 });
    for (const key of ['a', 'b']) cache.put(key, true, cache.generation());
    cache.get('a');
    cache.put('c', true, cache.generation());
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([true, undefined, true]);
  });

  test('of 0 ms keeps nothing', () => {
    const { cache } = setUp({ cacheMs: 0 });
    cache.put('a', true, cache.generation());
    expect(cache.get('a')).toBeUndefined();
  });

  test('asks OpenFGA for the newest state for 15 s after a change', () => {
    const { cache, time } = setUp();
    expect(cache.settling()).toBe(false);
    cache.drop();
    time.monotonic = 14_999;
    expect(cache.settling()).toBe(true);
    time.monotonic = 15_000;
    expect(cache.settling()).toBe(false);
  });
});
