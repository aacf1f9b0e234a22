import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { RunId } from '../../../src/core/ids.ts';
import type { RunParty } from '../../../src/server/runs/index.ts';
import { AWAY, createFakeEngine, type FakeEngine } from '../../support/engine-fake.ts';
import { openRunService, submitText } from '../../support/run-service.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { collect, until } from '../../support/until.ts';

let temp: TempStore;
let engine: FakeEngine;
const parties: RunParty[] = [];
const never = new AbortController().signal;

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

const row = async (id: bigint) => await temp.store.runById(id);

describe('runs that nobody submitted here', () => {
  test('are left alone at the very first contact, and recorded', async () => {
    const running = engine.addRun({ status: 'running', runningAt: 5 });
    const old = engine.addRun({ status: 'finished:completed', finishedAt: 6 });
    await open();
    expect(engine.counts.stops).toBe(0);
    await expect(row(running.id)).resolves.toMatchObject({
      quarantined: true,
      status: 'running',
      stopRequestedAt: undefined,
    });
    await expect(row(old.id)).resolves.toMatchObject({
      quarantined: true,
      status: 'finished:completed',
      finishedAt: 6,
    });
    engine.finish(running.id);
    await until(async () => (await row(running.id))?.status === 'finished:completed');
    expect(engine.counts).toMatchObject({ stops: 0, streams: 0 });
  });

  test('I2: later they are stopped and recorded, once, by however many servers', async () => {
    await Promise.all([open(), open()]);
    const stranger = engine.addRun({ status: 'running' });
    await until(async () => (await row(stranger.id))?.status === 'finished:stopped');
    const all = await temp.store.listRuns({ all: true }, 10);
    expect(all).toMatchObject([{ id: stranger.id, quarantined: true, ownerAccountId: '' }]);
    await expect(temp.store.listRuns({ ownerAccountId: '' }, 10)).resolves.toEqual([]);
    await expect(temp.store.auditRows(10)).resolves.toMatchObject([
      { action: 'runs.quarantine', reason: 'UNKNOWN_ENGINE_RUN' },
    ]);
  });

  test('first contact waits for an engine that is away, and is made before the first submit', async () => {
    const old = engine.addRun({ status: 'running' });
    engine.faults.away = AWAY;
    const party = await open();
    engine.faults.away = undefined;
    await submitText(party, 'first');
    await expect(row(old.id)).resolves.toMatchObject({ quarantined: true, stopRequestedAt: undefined });
    expect(engine.runs.get(old.id)?.status).toBe('running');
  });
});

describe('status', () => {
  test('I6: follows the engine forward, with times and a reason, and never goes back', async () => {
    const party = await open();
    const run = await submitText(party, 'steps');
    const id = run.id ?? 0n;
    const set = (part: object) => engine.runs.set(id, { ...(engine.runs.get(id) ?? engine.addRun({})), ...part });
    set({ status: 'running', startingAt: 11, runningAt: 12 });
    await expect(
      until(async () => ((await row(id))?.status === 'running' ? row(id) : undefined)),
    ).resolves.toMatchObject({
      startingAt: 11,
      runningAt: 12,
      reason: 'The app is running.',
    });
    set({ status: 'pending' });
    await expect(party.runs.current(run.key)).resolves.toMatchObject({ status: 'running' });
    engine.finish(id, 'finished:failed', 'ServerApp failed with exception: boom');
    await expect(party.runs.current(run.key)).resolves.toMatchObject({
      status: 'finished:failed',
      reason: 'ServerApp failed with exception: boom',
    });
  });

  test('F-22: a run that the engine forgot is lost, not deleted, not started again', async () => {
    const party = await open();
    const run = await submitText(party, 'forgotten');
    engine.say(run.id ?? 0n, 'some text\n');
    await until(async () => (await temp.store.logPosition(run.key)).size > 0);
    engine.runs.clear();
    await until(async () => (await row(run.id ?? 0n))?.status === 'lost');
    expect(engine.counts.starts).toBe(1);
    const text = await collect(party.runs.logs(run, 0, true, never));
    expect(text.map((piece) => piece.text).join('')).toMatch(/^some text\n/);
  });

  test('a run started while the list was on its way is not taken for lost', async () => {
    const party = await open();
    const list = engine.listRuns;
    // A list from before the run, as a slow engine gives it.
    Object.assign(engine, { listRuns: async (id?: bigint) => (id === undefined ? [] : list(id)) });
    const run = await submitText(party, 'fresh');
    for (let pass = engine.counts.lists; engine.counts.lists < pass + 5; )
      await until(() => engine.counts.lists > pass);
    await expect(row(run.id ?? 0n)).resolves.toMatchObject({ status: 'pending' });
  });

  test('an engine that is away changes nothing: the row is what there is', async () => {
    const party = await open();
    const run = await submitText(party, 'away');
    engine.faults.away = AWAY;
    await expect(party.runs.current(run.key)).resolves.toMatchObject({ status: 'pending' });
    await expect(party.health()).resolves.toMatchObject([{ name: 'engine', ok: false }]);
  });
});

describe('stop', () => {
  test('stops a run; a finished one is refused', async () => {
    const party = await open();
    const run = await submitText(party, 'stop');
    await expect(party.runs.stop(run)).resolves.toMatchObject({ status: 'finished:stopped' });
    await expect(party.runs.stop(run)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'RUN_FINISHED' });
  });

  test('is kept while the engine is away, over a restart of the server, and repeated', async () => {
    const first = await open();
    const run = await submitText(first, 'stop later');
    engine.faults.away = AWAY;
    await expect(first.runs.stop(run)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      hint: expect.stringContaining('as soon as'),
    });
    await Promise.all(parties.splice(0).map((party) => party.service.stop()));
    engine.faults.away = undefined;
    await open();
    await until(async () => (await row(run.id ?? 0n))?.status === 'finished:stopped');
  });

  test('of a run whose engine is not configured any more is kept, and does not look like one that was done', async () => {
    const run = await submitText(await open(), 'orphan');
    const party = openRunService(temp.store, engine, { engines: new Map() });
    parties.push(party);
    await expect(party.runs.stop(run)).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'ENGINE_UNAVAILABLE' });
    await expect(row(run.id ?? 0n)).resolves.toMatchObject({ stopRequestedAt: expect.any(Number) });
  });

  test('of a run that has just finished says so', async () => {
    const party = await open({ settings: { freshMs: 60_000 } });
    const run = await submitText(party, 'just finished');
    await party.runs.current(run.key);
    engine.finish(run.id ?? 0n);
    await expect(party.runs.stop(run)).rejects.toMatchObject({ reason: 'RUN_FINISHED' });
  });

  test('that somebody else was first to carry out is one that was done', async () => {
    const party = await open();
    const run = await submitText(party, 'stopped twice');
    const stopRun = engine.stopRun.bind(engine);
    Object.assign(engine, {
      stopRun: async (id: RunId) => {
        await stopRun(id);
        await stopRun(id);
      },
    });
    await expect(party.runs.stop(run)).resolves.toMatchObject({ status: 'finished:stopped' });
  });

  test('an engine that refuses to stop is told as it is', async () => {
    const party = await open();
    const run = await submitText(party, 'stubborn');
    Object.assign(engine, {
      stopRun: async () => {
        throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'no');
      },
    });
    await expect(party.runs.stop(run)).rejects.toMatchObject({ reason: 'ENGINE_REFUSED' });
  });
});
