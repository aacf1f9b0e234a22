import { describe, expect, test } from '@jest/globals';
import { createKnownRuns } from '../../../src/server/store/known-runs.ts';
import { toRow, toRun } from '../../../src/server/store/run-rows.ts';
import { makeRun } from '../../support/store-rows.ts';

const rowOf = (...args: Parameters<typeof makeRun>) => toRow(makeRun(...args));

describe('known runs', () => {
  test('need not be read again once they have ended', () => {
    const known = createKnownRuns();
    for (const status of ['submitting', 'running', 'finished:failed', 'lost'] as const) {
      const row = rowOf({ status });
      const run = known.of(row);
      expect(run).toEqual(toRun(row));
      expect(known.ended(row.key)).toBe(status === 'submitting' || status === 'running' ? undefined : run);
    }
  });

  test('are the same object while their row stands, and another once any column has changed', () => {
    const known = createKnownRuns();
    const row = rowOf({ status: 'starting' });
    const run = known.of(row);
    expect(known.of({ ...row })).toBe(run);
    const changes = [
      { status: 'running' },
      { reason: 'r' },
      { running_at: 7 },
      { stop_requested_at: 8 },
      { quarantined: 1 },
    ];
    for (const change of changes) {
      const next = known.of({ ...row, ...change });
      expect(next).not.toBe(run);
      expect(next).toEqual(toRun({ ...row, ...change }));
      expect(known.of({ ...row, ...change })).toBe(next);
    }
    expect(known.of(row)).toEqual(run);
  });

  test('so many at most: the one that nobody asked for the longest goes', () => {
    const known = createKnownRuns(2);
    const [a, b, c] = Array.from({ length: 3 }, () => rowOf({ status: 'lost' })) as [
      ReturnType<typeof toRow>,
      ReturnType<typeof toRow>,
      ReturnType<typeof toRow>,
    ];
    const runs = [a, b].map((row) => known.of(row));
    known.ended(a.key);
    const last = known.of(c);
    expect([a, b, c].map((row) => known.ended(row.key))).toEqual([runs[0], undefined, last]);
  });
});
