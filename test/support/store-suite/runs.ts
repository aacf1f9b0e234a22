import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RunStatus } from '../../../src/core/runs.ts';
import { makeAudit, makeFederation, makeRun, NOW, nextRunId, storeRun } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

/** security.md T-36 */
const EDGE_IDS = [0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

const ORDER: readonly RunStatus[] = ['submitting', 'pending', 'starting', 'running', 'finished:completed', 'lost'];

export function describeRuns(context: () => StoreContext): void {
  test('a run and its audit row are there after one insert, for every server', async () => {
    const { store, replica } = context();
    const run = makeRun({ reason: 'waits', startingAt: 1, runningAt: 2, finishedAt: 3, stopRequestedAt: 4 });
    const audit = makeAudit();
    expect(await store.insertRun(run, audit)).toEqual({ run, existing: false });
    expect(await replica.runByKey(run.key)).toEqual(run);
    expect(await replica.auditRows(1)).toEqual([audit]);
    expect(await store.runByKey('unknown')).toBeUndefined();
    expect(await store.runById(nextRunId())).toBeUndefined();
  });

  test('I3: parallel inserts with one request id make one run and one audit row', async () => {
    const { store, replica } = context();
    const requestId = randomUUID();
    const before = await store.auditRows(1000);
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 ? store : replica).insertRun(makeRun({ requestId }), makeAudit()),
      ),
    );
    expect(results.filter((result) => !result.existing)).toHaveLength(1);
    expect(new Set(results.map((result) => result.run.key)).size).toBe(1);
    expect(await store.auditRows(1000)).toHaveLength(before.length + 1);
  });

  test('one submit per engine and bundle is under way at a time, over two servers', async () => {
    const { store, replica } = context();
    const fields = { bundleSha256: randomUUID(), status: 'submitting' } as const;
    const inserts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => (index % 2 ? store : replica).insertRun(makeRun(fields), makeAudit())),
    );
    const [winner, ...others] = inserts.flatMap((each) => (each.status === 'fulfilled' ? [each.value.run] : []));
    expect(others).toEqual([]);
    for (const each of inserts) {
      if (each.status === 'rejected')
        expect(each.reason).toMatchObject({ code: 'ABORTED', reason: 'SUBMIT_IN_FLIGHT' });
    }
    await store.insertRun(makeRun({ ...fields, engine: 'engine-2' }), makeAudit());
    await store.updateRun(winner?.key ?? '', { id: nextRunId(), status: 'pending' });
    expect((await replica.insertRun(makeRun(fields), makeAudit())).existing).toBe(false);
  });

  test('request ids of two accounts do not meet, nor do absent ones', async () => {
    const { store } = context();
    const requestId = randomUUID();
    for (const fields of [
      { requestId },
      { requestId, ownerAccountId: 'other' },
      { requestId: '' },
      { requestId: '' },
    ]) {
      const { run, existing } = await store.insertRun(makeRun(fields), makeAudit());
      expect(existing).toBe(false);
      expect((await store.runByKey(run.key))?.requestId).toBe(fields.requestId);
    }
  });

  describe('T-36: 64-bit ids', () => {
    test.each(EDGE_IDS)('%p is kept exactly', async (id) => {
      const { store, replica } = context();
      const inserted = await storeRun(store, { id, engine: `inserted-${id}` });
      expect((await replica.runByKey(inserted.key))?.id).toBe(id);
      expect((await replica.runById(id))?.id).toBe(id);
      const updated = await storeRun(store, { id: undefined, engine: `updated-${id}` });
      // As large, and no other run's.
      const beside = id ^ 256n;
      expect((await store.updateRun(updated.key, { id: beside })).id).toBe(beside);
    });

    test('any id is kept exactly', async () => {
      const { store } = context();
      await fc.assert(
        fc.asyncProperty(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), async (id) => {
          const { key } = await storeRun(store, { id, engine: randomUUID() });
          expect((await store.runByKey(key))?.id).toBe(id);
        }),
        { numRuns: 25 },
      );
    });
  });

  test('an id of an engine belongs to one run', async () => {
    const { store } = context();
    const { id, engine } = await storeRun(store);
    const taken = { code: 'ALREADY_EXISTS', reason: 'RUN_ID_TAKEN' };
    await expect(storeRun(store, { id })).rejects.toMatchObject(taken);
    const other = await storeRun(store, { id: undefined });
    await expect(store.updateRun(other.key, { id: id ?? 0n })).rejects.toMatchObject(taken);
    expect((await store.runByKey(other.key))?.id).toBeUndefined();
    expect((await storeRun(store, { id, engine: `${engine}-2` })).id).toBe(id);
  });

  test('F-23: an id that a run of another engine has is given to no second run of people', async () => {
    const { store, replica } = context();
    const { id } = await storeRun(store);
    const other = await storeRun(store, { id: undefined, engine: randomUUID() });
    const taken = { code: 'ALREADY_EXISTS', reason: 'RUN_ID_TAKEN' };
    await expect(replica.updateRun(other.key, { id: id ?? 0n, status: 'pending' })).rejects.toMatchObject(taken);
    expect(await store.runByKey(other.key)).toEqual(other);
    const givenUp = await store.updateRun(other.key, { status: 'finished:failed', finishedAt: NOW });
    expect(await replica.updateRun(other.key, { id: id ?? 0n, status: 'pending' })).toEqual(givenUp);
  });

  test('an archived federation takes no submit, whatever was judged before; a retry still finds its run', async () => {
    const { store, replica } = context();
    const federation = makeFederation();
    await store.insertFederation(federation);
    const run = makeRun({ federation: federation.id });
    expect((await store.insertRun(run, makeAudit())).existing).toBe(false);
    await replica.updateFederation(federation.id, { archivedAt: NOW });
    const rows = (await store.auditRows(1000)).length;
    await expect(store.insertRun(makeRun({ federation: federation.id }), makeAudit())).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'FEDERATION_ARCHIVED',
    });
    expect(await store.auditRows(1000)).toHaveLength(rows);
    expect((await store.insertRun({ ...run, key: randomUUID() }, makeAudit())).run.key).toBe(run.key);
  });

  test('I6: every pair of statuses: forward is taken, back is not', async () => {
    const { store } = context();
    for (const [from, standing] of ORDER.entries()) {
      for (const [to, wanted] of ORDER.entries()) {
        const { key } = await storeRun(store, { status: standing, reason: 'old' });
        const run = await store.updateRun(key, { status: wanted, reason: 'new' });
        const final = standing === 'lost' || standing === 'finished:completed';
        expect([standing, wanted, run.status]).toEqual([standing, wanted, to > from && !final ? wanted : standing]);
        expect(run.reason).toBe(to >= from && !final ? 'new' : 'old');
        expect(await store.runByKey(key)).toEqual(run);
      }
    }
  });

  test('I6: an end is not exchanged for another end', async () => {
    const { store } = context();
    const { key } = await storeRun(store, { status: 'finished:completed' });
    for (const status of ['finished:failed', 'finished:stopped', 'lost'] as const) {
      expect((await store.updateRun(key, { status })).status).toBe('finished:completed');
    }
  });

  test('I6: parallel updates of two servers end at the furthest status', async () => {
    const { store, replica } = context();
    const { key } = await storeRun(store, { id: undefined, status: 'submitting' });
    await Promise.all([
      store.updateRun(key, { status: 'running', runningAt: 3 }),
      replica.updateRun(key, { status: 'finished:failed', reason: 'why', finishedAt: 4 }),
      store.updateRun(key, { status: 'pending' }),
      replica.updateRun(key, { status: 'starting', startingAt: 2 }),
    ]);
    expect(await store.runByKey(key)).toMatchObject({
      status: 'finished:failed',
      reason: 'why',
      finishedAt: 4,
    });
  });

  test('I6: a run that has ended stands as it is, and is the same on every page', async () => {
    const { store, replica } = context();
    const ownerAccountId = randomUUID();
    const { key } = await storeRun(store, { ownerAccountId, status: 'running', reason: 'old' });
    const page = () => store.listRuns({ ownerAccountId }, 10);
    expect(await page()).toMatchObject([{ status: 'running', reason: 'old' }]);
    const ended = await replica.updateRun(key, { status: 'finished:failed', reason: 'why', finishedAt: 4 });
    expect(await page()).toEqual([ended]);
    const late = { startingAt: 11, runningAt: 12, finishedAt: 13, stopRequestedAt: 14, reason: 'late' };
    expect(await replica.updateRun(key, late)).toEqual(ended);
    expect(await page()).toEqual([ended]);
    await storeRun(replica, { ownerAccountId, createdAt: 1, status: 'finished:completed' });
    const [newest, oldest] = await page();
    expect(newest).toEqual(ended);
    expect(oldest).toMatchObject({ createdAt: 1 });
  });

  test('ids and times are set once', async () => {
    const { store } = context();
    const { key } = await storeRun(store, { id: undefined, status: 'submitting' });
    const id = nextRunId();
    const times = { startingAt: 1, runningAt: 2, finishedAt: 3, stopRequestedAt: 4 };
    const set = await store.updateRun(key, { id, status: 'pending', ...times });
    expect(set).toMatchObject({ id, ...times });
    const later = { startingAt: 11, runningAt: 12, finishedAt: 13, stopRequestedAt: 14 };
    expect(await store.updateRun(key, { id: nextRunId(), ...later })).toEqual(set);
  });

  test('a run that ended without an id gets none later', async () => {
    const { store } = context();
    const { key } = await storeRun(store, { id: undefined, status: 'finished:failed' });
    expect((await store.updateRun(key, { id: nextRunId(), status: 'pending' })).id).toBeUndefined();
  });

  test('an unknown run is not updated', async () => {
    await expect(context().store.updateRun('unknown', { status: 'pending' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      reason: 'RUN_NOT_FOUND',
    });
  });

  test('open runs: not final, or with a log to drain, of one engine', async () => {
    const { store } = context();
    const engine = randomUUID();
    const keys = async () => (await store.openRuns(engine)).map((run) => run.key);
    const submitting = await storeRun(store, { engine, id: undefined, status: 'submitting', createdAt: NOW });
    const running = await storeRun(store, { engine, status: 'running', createdAt: NOW + 1 });
    await storeRun(store, { engine, id: undefined, status: 'finished:failed' });
    await storeRun(store, { engine: `${engine}-2`, status: 'running' });
    expect(await keys()).toEqual([submitting.key, running.key]);

    await store.updateRun(submitting.key, { status: 'finished:failed' });
    await store.updateRun(running.key, { status: 'finished:completed' });
    expect(await keys()).toEqual([running.key]);
    await store.markDrained(running.key);
    expect(await keys()).toEqual([]);
  });

  test('a log drained before the end was seen does not keep a run open', async () => {
    const { store } = context();
    const engine = randomUUID();
    const { key } = await storeRun(store, { engine, status: 'running' });
    await store.markDrained(key);
    expect(await store.openRuns(engine)).toHaveLength(1);
    await store.updateRun(key, { status: 'finished:completed' });
    expect(await store.openRuns(engine)).toEqual([]);
  });
}
