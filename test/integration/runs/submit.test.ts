import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { Failpoint, RunParty } from '../../../src/server/runs/index.ts';
import { AWAY, createFakeEngine, type FakeEngine, UNREACHABLE } from '../../support/engine-fake.ts';
import { makeBundle, makeCaller, makeRequest, openRunService, submitText } from '../../support/run-service.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { makeAudit } from '../../support/store-rows.ts';
import { until } from '../../support/until.ts';

let temp: TempStore;
let engine: FakeEngine;
const parties: RunParty[] = [];

beforeEach(async () => {
  temp = await openTempStore();
  engine = createFakeEngine();
});
afterEach(async () => {
  engine.faults.away = undefined;
  await Promise.all(parties.splice(0).map((party) => party.service.stop()));
  await temp.cleanup();
});

async function open(options: Parameters<typeof openRunService>[2] = {}): Promise<RunParty> {
  const party = openRunService(temp.store, engine, options);
  parties.push(party);
  await party.service.start();
  return party;
}

/** A party whose submit never goes on after `point`, as if the process had been killed there. */
async function openCrashing(point: Failpoint): Promise<{ party: RunParty; reached: Promise<void> }> {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const failpoint = (name: Failpoint) => {
    if (name !== point) return undefined;
    resolve();
    return new Promise<void>(() => undefined);
  };
  // Not started and never stopped: a killed process has no reconciler either.
  return { party: openRunService(temp.store, engine, { failpoint }), reached };
}

const allRuns = () => temp.store.listRuns({ all: true }, 100);

describe('submit', () => {
  test('gives the row the id of the engine, with owner, audit and bundle', async () => {
    const party = await open();
    const run = await submitText(party, 'one');
    expect(run).toMatchObject({ owner: 'user:test|alice', engine: 'main', status: 'pending', quarantined: false });
    expect(engine.runs.has(run.id ?? 0n)).toBe(true);
    await expect(temp.store.runById(run.id ?? 0n)).resolves.toMatchObject({ key: run.key });
    await expect(temp.store.bundle(run.bundleSha256)).resolves.toEqual(new Uint8Array(Buffer.from('one')));
    await expect(temp.store.auditRows(10)).resolves.toHaveLength(1);
  });

  test('I3: 20 retries at the same time with one request id make one run', async () => {
    const party = await open();
    const id = randomUUID();
    const runs = await Promise.all(Array.from({ length: 20 }, () => submitText(party, 'same', id)));
    expect(new Set(runs.map((run) => run.id)).size).toBe(1);
    expect(engine.counts.starts).toBe(1);
  });

  test('the same request id of two people makes two runs; with another bundle it is refused', async () => {
    const party = await open();
    const id = randomUUID();
    const alice = await submitText(party, 'a', id, 'alice');
    const bob = await submitText(party, 'b', id, 'bob');
    expect(alice.id).not.toBe(bob.id);
    await expect(submitText(party, 'other', id, 'alice')).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  test('submits of one bundle go to the engine one by one, over two servers; each gets its own run', async () => {
    const [one, two] = [await open(), await open()];
    let [under, most] = [0, 0];
    engine.faults.beforeStart = async () => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setTimeout(resolve, 20));
      under -= 1;
    };
    const people = Array.from({ length: 8 }, (_, i) => `person-${i}`);
    const runs = await Promise.all(
      people.map((name, i) => submitText(i % 2 ? one : two, 'shared', randomUUID(), name)),
    );
    expect(most).toBe(1);
    expect(new Set(runs.map((run) => run.id)).size).toBe(8);
    expect((await allRuns()).filter((run) => run.quarantined)).toEqual([]);
  });

  test('other bundles do not wait', async () => {
    const party = await open();
    const gate = Promise.withResolvers<void>();
    engine.faults.beforeStart = ({ bundle }) => (Buffer.from(bundle).toString() === 'slow' ? gate.promise : undefined);
    const slow = submitText(party, 'slow');
    await expect(submitText(party, 'quick')).resolves.toMatchObject({ status: 'pending' });
    gate.resolve();
    await slow;
  });

  test('a federation without an engine is refused', async () => {
    const party = await open({ engineOf: async () => undefined });
    await expect(submitText(party, 'x')).rejects.toMatchObject({ reason: 'FEDERATION_WITHOUT_ENGINE' });
    await expect(allRuns()).resolves.toEqual([]);
  });
});

describe('the engine says no, or nothing', () => {
  test('a refusal reaches the person and the row; a retry tells it again and starts nothing', async () => {
    const party = await open();
    engine.faults.beforeStart = () => {
      throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', "Key 'x' is not known.");
    };
    const id = randomUUID();
    await expect(submitText(party, 'refused', id)).rejects.toMatchObject({ message: "Key 'x' is not known." });
    await expect(allRuns()).resolves.toMatchObject([
      { status: 'finished:failed', reason: "Not started: Key 'x' is not known." },
    ]);
    engine.faults.beforeStart = undefined;
    await expect(submitText(party, 'refused', id)).rejects.toMatchObject({ reason: 'RUN_NOT_STARTED' });
    expect(engine.runs.size).toBe(0);
    await expect(temp.store.openRuns('main')).resolves.toEqual([]);
  });

  test('F-19: an engine that is down: UNAVAILABLE, the row has failed, nothing starts later', async () => {
    const party = await open();
    engine.faults.away = UNREACHABLE;
    await expect(submitText(party, 'down')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(allRuns()).resolves.toMatchObject([{ status: 'finished:failed', id: undefined }]);
    engine.faults.away = undefined;
    await submitText(party, 'another');
    expect(engine.runs.size).toBe(1);
  });

  test('F-20: the answer is lost: the caller still gets the run, and there is one', async () => {
    const party = await open();
    engine.faults.afterStart = () => {
      throw AWAY;
    };
    const run = await submitText(party, 'lost answer');
    expect(engine.runs.has(run.id ?? 0n)).toBe(true);
    expect(engine.runs.size).toBe(1);
    expect(await allRuns()).toHaveLength(1);
  });

  test('F-20: the call never arrived: the outcome is unknown, the row fails after the time is over, a retry says so', async () => {
    const party = await open({ settings: { outcomeWaitMs: 60 } });
    engine.faults.beforeStart = () => {
      throw AWAY;
    };
    const id = randomUUID();
    await expect(submitText(party, 'never arrived', id)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'RUN_OUTCOME_UNKNOWN',
      hint: expect.stringContaining('same request id'),
    });
    await until(async () => (await allRuns())[0]?.status === 'finished:failed');
    await expect(submitText(party, 'never arrived', id)).rejects.toMatchObject({ reason: 'RUN_NOT_STARTED' });
    expect(engine.runs.size).toBe(0);
  });

  test('a run that shows up after it was given up is stopped and quarantined, never attached', async () => {
    const party = await open({ settings: { outcomeWaitMs: 30, clockToleranceMs: 0 } });
    engine.faults.beforeStart = () => {
      throw AWAY;
    };
    await submitText(party, 'late').catch(() => undefined);
    const row = await until(async () => (await allRuns()).find((run) => run.status === 'finished:failed'));
    const late = engine.addRun({ bundleSha256: row.bundleSha256 });
    await until(() => engine.runs.get(late.id)?.status === 'finished:stopped');
    const found = await until(async () => await temp.store.runById(late.id));
    expect(found).toMatchObject({ quarantined: true, ownerAccountId: '', owner: '' });
    expect((await temp.store.runByKey(row.key))?.id).toBeUndefined();
  });

  test('F-23: an id that another run has is not attached; the row fails', async () => {
    const party = await open();
    const first = await submitText(party, 'first');
    const start = engine.startRun;
    Object.assign(engine, { startRun: async () => first.id });
    await expect(submitText(party, 'second', undefined, 'bob')).rejects.toMatchObject({ reason: 'RUN_ID_TAKEN' });
    Object.assign(engine, { startRun: start });
    await expect(temp.store.runById(first.id ?? 0n)).resolves.toMatchObject({ owner: 'user:test|alice' });
  });
});

describe('F-25: the process is killed', () => {
  const id = 'request-1';
  const retry = (party: RunParty) => submitText(party, 'crash', id);

  async function crash(point: Failpoint): Promise<void> {
    const { party, reached } = await openCrashing(point);
    void party.runs.submit(makeCaller(), makeBundle('crash'), makeRequest(id), makeAudit()).catch(() => undefined);
    await reached;
  }

  test('before the row: nothing has happened; the retry is the first try', async () => {
    await crash('submit.before-row');
    const run = await retry(await open());
    expect(engine.runs.size).toBe(1);
    expect(run.id).toBeDefined();
  });

  test('after the row, before the engine: the row fails after its time and says so; nothing runs', async () => {
    await crash('submit.after-row');
    await expect(retry(await open())).rejects.toMatchObject({ reason: 'RUN_NOT_STARTED' });
    expect(engine.runs.size).toBe(0);
    await expect(allRuns()).resolves.toMatchObject([{ status: 'finished:failed' }]);
  });

  test.each<Failpoint>(['submit.after-engine', 'submit.after-id', 'submit.before-answer'])(
    '%s: the retry gets the one run',
    async (point) => {
      await open();
      await crash(point);
      const run = await retry(await open());
      expect([...engine.runs.keys()]).toEqual([run.id]);
      expect(await allRuns()).toHaveLength(1);
      expect(run).toMatchObject({ quarantined: false, owner: 'user:test|alice' });
    },
  );

  test('after the engine, on the very first contact: the run is not taken for one from before', async () => {
    await crash('submit.after-engine');
    const run = await retry(await open());
    expect(engine.runs.get(run.id ?? 0n)?.status).toBe('pending');
  });
});
