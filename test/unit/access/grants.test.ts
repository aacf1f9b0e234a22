import { describe, expect, test } from '@jest/globals';
import { sweepEnded } from '../../../src/server/access/grants.ts';
import { createLock } from '../../../src/server/access/locks.ts';
import type { TupleStore } from '../../../src/server/access/tuple-store.ts';
import { fromWire, type Tuple, toWire } from '../../../src/server/access/tuples.ts';

const KEY = { user: 'user:dev|ann', relation: 'viewer', object: 'run:1' };

describe('the lock', () => {
  test('keeps order per key, goes on after a failure, and lets other keys pass', async () => {
    const lock = createLock();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = lock('a', async () => {
      await gate.promise;
      seen.push('first');
      throw new Error('no');
    });
    const second = lock('a', async () => void seen.push('second'));
    await lock('b', async () => void seen.push('other'));
    gate.resolve();
    await expect(first).rejects.toThrow('no');
    await second;
    expect(seen).toEqual(['other', 'first', 'second']);
  });
});

describe('the end of a tuple', () => {
  test('survives the way to OpenFGA and back', () => {
    for (const until of [undefined, 0, 1_800_000_000_123]) {
      expect(fromWire(toWire({ ...KEY, until }))).toEqual({ ...KEY, until });
    }
  });

  test.each([
    ['2030-01-01T00:00:00Z', Date.UTC(2030, 0, 1)],
    ['2030-01-01T02:00:00.5+02:00', Date.UTC(2030, 0, 1) + 500],
    ['never', 0],
    [undefined, 0],
  ])('written by hand as %s is read', (until, expected) => {
    expect(fromWire({ ...KEY, condition: { name: 'non_expired_grant', context: { until } } }).until).toBe(expected);
  });

  test('of a condition without context has passed', () => {
    expect(fromWire({ ...KEY, condition: { name: 'non_expired_grant' } }).until).toBe(0);
  });
});

test('sweeping leaves a grant that is extended between the look and the deletion', async () => {
  const removed: string[] = [];
  const stored: Tuple[] = [
    { ...KEY, until: 10 },
    { ...KEY, object: 'run:2', until: 10 },
  ];
  const tuples: Pick<TupleStore, 'list' | 'find' | 'remove'> = {
    async *list() {
      yield stored;
    },
    find: async ({ object }) => ({ ...KEY, object, until: object === 'run:1' ? 99 : 10 }),
    remove: async ({ object }) => void removed.push(object),
  };
  expect(await sweepEnded(tuples as TupleStore, createLock(), 50)).toBe(1);
  expect(removed).toEqual(['run:2']);
});
