import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { RunGrantChange } from '../../../src/core/access.ts';
import { nextRunId } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

function write(run: bigint, fields: Partial<RunGrantChange> = {}): RunGrantChange {
  return { op: 'write', principal: 'user:example|1', run, role: 'viewer', until: undefined, ...fields };
}

export function describeGrants(context: () => StoreContext): void {
  test('changes and position move together', async () => {
    const { store, replica } = context();
    const run = nextRunId();
    const position = randomUUID();
    await store.applyRunGrants([write(run)], position);
    expect(await replica.position()).toBe(position);
    // A change that cannot be stored takes the others and the position with it.
    const broken = write(nextRunId(), { principal: null as unknown as string });
    const other = nextRunId();
    await expect(store.applyRunGrants([write(other), broken], 'later')).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await store.position()).toBe(position);
    expect(await store.grantedRuns([run, other])).toEqual(new Set([run]));
  });

  test('T-36: granted runs are named exactly', async () => {
    const { store } = context();
    const granted = [0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
    await store.applyRunGrants(
      granted.map((run) => write(run)),
      'position',
    );
    expect(await store.grantedRuns([...granted, 2n ** 53n, 1n])).toEqual(new Set(granted));
    expect(await store.grantedRuns([])).toEqual(new Set());
  });

  test('the same change twice, and a deletion of what is not there, do no harm', async () => {
    const { store } = context();
    const run = nextRunId();
    const gone = write(run, { op: 'delete' });
    await store.applyRunGrants([gone, write(run), write(run, { until: 5 }), write(run)], 'position');
    await store.applyRunGrants([gone, gone], 'position');
    expect(await store.grantedRuns([run])).toEqual(new Set());
  });

  test('a run stays granted while one of its grants stands', async () => {
    const { store } = context();
    const run = nextRunId();
    const others = [write(run, { role: 'operator' }), write(run, { principal: 'group:local|team' })];
    await store.applyRunGrants([write(run), ...others], 'position');
    await store.applyRunGrants([write(run, { op: 'delete' })], 'position');
    expect(await store.grantedRuns([run])).toEqual(new Set([run]));
    await store.applyRunGrants(
      others.map((other) => ({ ...other, op: 'delete' })),
      'position',
    );
    expect(await store.grantedRuns([run])).toEqual(new Set());
  });

  test('clearing forgets grants and position', async () => {
    const { store } = context();
    const run = nextRunId();
    await store.applyRunGrants([write(run)], 'position');
    await store.clear();
    expect(await store.grantedRuns([run])).toEqual(new Set());
    expect(await store.position()).toBeUndefined();
  });
}
