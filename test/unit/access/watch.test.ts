import { describe, expect, test } from '@jest/globals';
import type { GrantIndex, RunGrantChange } from '../../../src/core/access.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { createDecisionCache } from '../../../src/server/access/decisions.ts';
import { createGrantMap } from '../../../src/server/access/grant-map.ts';
import type { TupleStore } from '../../../src/server/access/tuple-store.ts';
import type { Tuple, TupleChange } from '../../../src/server/access/tuples.ts';
import { createWatch } from '../../../src/server/access/watch.ts';

const FIRST: Tuple = { user: 'user:dev|ann', relation: 'viewer', object: 'run:1', until: undefined };
const MISSED: Tuple = { user: 'group:local|ward#member', relation: 'viewer', object: 'run:2', until: undefined };

/** An OpenFGA whose list of changes shows less than what is stored, as two concurrent writers can bring about. */
function setUp() {
  const stored: Tuple[] = [FIRST];
  let shown: readonly TupleChange[] = [{ op: 'write', tuple: FIRST }];
  const applied: { changes: readonly RunGrantChange[]; position: string }[] = [];
  const time = { monotonic: 0 };
  const clock = { now: () => 0, monotonic: () => time.monotonic };
  const map = createGrantMap();
  const cache = createDecisionCache({ cacheMs: 5_000, clock, current: () => true, nextEnd: map.nextEnd });
  const tuples: Pick<TupleStore, 'list' | 'changes'> = {
    async *list() {
      yield stored;
    },
    changes: async () => {
      const changes = shown;
      shown = [];
      return { changes, token: 't1' };
    },
  };
  const index: Pick<GrantIndex, 'applyRunGrants' | 'position' | 'clear'> = {
    applyRunGrants: async (changes, position) => void applied.push({ changes, position }),
    position: async () => undefined,
    clear: async () => {},
  };
  const watch = createWatch({
    tuples: tuples as TupleStore,
    pin: () => ({ storeId: 's', modelId: 'm' }),
    map,
    index: index as GrantIndex,
    cache: () => cache,
    clock,
    log: silentLogger,
    freshnessMs: 1_500,
  });
  return { watch, map, cache, stored, applied, time };
}

describe('the watch', () => {
  test('is ready after the first look, and current only for so long', async () => {
    const { watch, time } = setUp();
    expect([watch.ready(), watch.current()]).toEqual([false, false]);
    await watch.refresh();
    time.monotonic = 1_500;
    expect([watch.ready(), watch.current()]).toEqual([true, true]);
    time.monotonic = 1_501;
    expect([watch.ready(), watch.current()]).toEqual([true, false]);
  });

  test('takes up a grant that the list of changes never showed', async () => {
    const { watch, map, cache, stored, applied } = setUp();
    await watch.refresh();
    stored.push(MISSED);
    await watch.refresh();
    expect(map.namesRun('run:2')).toBe(false);
    cache.put('decision', false, cache.generation());
    expect(await watch.repair()).toBe(1);
    expect([map.namesRun('run:2'), map.namesGroup('group:local|ward')]).toEqual([true, true]);
    expect(cache.get('decision')).toBeUndefined();
    const change = { op: 'write', principal: 'group:local|ward', run: 2n, role: 'viewer', until: undefined };
    expect(applied.at(-1)).toEqual({ changes: [change], position: 's t1' });
    expect(await watch.repair()).toBe(0);
  });
});
