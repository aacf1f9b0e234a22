import { describe, expect, test } from '@jest/globals';
import { createFinalRuns } from '../../../src/server/store/final-runs.ts';
import { makeRun } from '../../support/store-rows.ts';

describe('runs that have ended', () => {
  test('are kept, others are not', () => {
    const final = createFinalRuns();
    for (const status of ['submitting', 'running', 'finished:failed', 'lost'] as const) {
      const run = makeRun({ status });
      final.keep(run);
      expect(final.get(run.key)).toBe(status === 'submitting' || status === 'running' ? undefined : run);
    }
  });

  test('so many at most: the one that nobody asked for the longest goes', () => {
    const final = createFinalRuns(2);
    const a = makeRun({ status: 'lost' });
    const b = makeRun({ status: 'lost' });
    const c = makeRun({ status: 'lost' });
    for (const run of [a, b]) final.keep(run);
    final.get(a.key);
    final.keep(c);
    expect([a, b, c].map((run) => final.get(run.key))).toEqual([a, undefined, c]);
  });
});
