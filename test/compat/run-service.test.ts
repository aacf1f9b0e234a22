import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine, EngineSubmit } from '../../src/core/engine.ts';
import { silentLogger } from '../../src/core/log.ts';
import { isFinal, type Run } from '../../src/core/runs.ts';
import { openEngine } from '../../src/server/engine/index.ts';
import { createRunService, type RunParty } from '../../src/server/runs/index.ts';
import { makeCaller, makeRequest } from '../support/run-service.ts';
import { openTempStore, type TempStore } from '../support/store.ts';
import { makeAudit } from '../support/store-rows.ts';
import { startSuperLink, type TestSuperLink } from '../support/superlink.ts';
import { collect, until } from '../support/until.ts';
import { fixtureBundle } from '../support/zip.ts';

const APP = new URL('../fixtures/tinyapp', import.meta.url).pathname;
const never = new AbortController().signal;
let temp: TempStore;
let link: TestSuperLink;
let engine: Engine;
let party: RunParty;

beforeAll(async () => {
  [temp, link] = await Promise.all([openTempStore(), startSuperLink()]);
  const { store } = temp;
  engine = openEngine({ kind: 'flower-grpc', name: 'main', address: link.address, insecure: true, log: silentLogger });
  party = createRunService({
    engines: new Map([['main', engine]]),
    engineOf: async () => 'main',
    stores: { runs: store, bundles: store, logs: store, meta: store },
    log: silentLogger,
    settings: { reconcileEveryMs: 2_000 },
  });
  await party.service.start();
}, 120_000);

afterAll(async () => {
  await party?.service.stop();
  await engine?.close();
  await link?.close();
  await temp?.cleanup();
}, 60_000);

async function submit(salt: string, runConfig: EngineSubmit['runConfig']): Promise<Run> {
  const bundle = await party.runs.verifyBundle(fixtureBundle(APP, salt));
  return await party.runs.submit(makeCaller(), bundle, { ...makeRequest(randomUUID()), runConfig }, makeAudit());
}

async function wholeLog(run: Run): Promise<string> {
  return (await collect(party.runs.logs(run, 0, true, never))).map((piece) => piece.text).join('');
}

/** The log as the engine itself has stored it. */
function engineLog(run: Run): string {
  const state = new DatabaseSync(join(link.folder, 'state.db'), { readOnly: true });
  try {
    const rows = state
      .prepare(
        `select log from task_logs join run on run.primary_task_id = task_logs.task_id
         where run.run_id = ? order by timestamp`,
      )
      .all(BigInt.asIntN(64, run.id ?? 0n));
    return rows.map((row) => String(row.log)).join('');
  } finally {
    state.close();
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${String(i + 1).padStart(5, '0')}`);

describe('a run on a real SuperLink with two nodes', () => {
  test("I9: its log is the engine's own, byte for byte, and its status is told", async () => {
    const run = await submit('whole', { rounds: 2n, lines: 200n });
    const log = await wholeLog(run);
    expect(log).toContain('round 2 of 2: 2 replies');
    expect(log.match(/line \d{5}/g)).toEqual(lines(400));
    expect(sha256(log)).toBe(sha256(engineLog(run)));
    await expect(party.runs.current(run.key)).resolves.toMatchObject({
      status: 'finished:completed',
      app: 'fixture/tinyapp',
    });
  }, 150_000);

  test('stop ends it and its log; a second stop is refused', async () => {
    const run = await submit('stop', { rounds: 0n, lines: 10_000n, pause: 0.05 });
    const reading = wholeLog(run);
    await until(async () => (await temp.store.logPosition(run.key)).size > 0, 60_000);
    await expect(party.runs.stop(run)).resolves.toMatchObject({ status: 'finished:stopped' });
    const log = await reading;
    expect(sha256(log)).toBe(sha256(engineLog(run)));
    await expect(party.runs.stop(run)).rejects.toMatchObject({ reason: 'RUN_FINISHED' });
  }, 120_000);

  test('F-21: the engine is killed in the middle and comes back: status is kept, the log has no gap and no duplicate', async () => {
    const run = await submit('crash', { rounds: 0n, lines: 120n, pause: 0.1 });
    const reading = wholeLog(run);
    await until(async () => (await temp.store.logPosition(run.key)).size > 200, 60_000);
    // Lines may come before the look at the engine that sees the run running.
    await until(async () => (await party.runs.current(run.key)).status === 'running', 60_000);
    await link.kill();
    await expect(party.runs.current(run.key)).resolves.toMatchObject({ status: 'running' });
    await link.start();
    const log = await reading;
    // The app dies with its engine (its process belongs to it): what counts is that nothing is lost or there twice.
    expect(sha256(log)).toBe(sha256(engineLog(run)));
    const now = await party.runs.current(run.key);
    expect(isFinal(now.status)).toBe(true);
    expect(now.status).not.toBe('lost');
  }, 180_000);

  test('F-19, F-22: an engine that is down refuses at once; one that lost its state leaves lost runs', async () => {
    const run = await submit('lost', { rounds: 0n, lines: 10_000n, pause: 0.1 });
    await until(async () => (await party.runs.current(run.key)).status === 'running', 60_000);
    await link.kill();
    const start = performance.now();
    await expect(submit('down', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - start).toBeLessThan(15_000);
    await expect(party.health()).resolves.toMatchObject([{ ok: false }]);
    link.wipe();
    await link.start();
    await until(async () => (await temp.store.runByKey(run.key))?.status === 'lost', 60_000);
    await expect(party.health()).resolves.toMatchObject([{ ok: true }]);
    const all = await temp.store.listRuns({ all: true }, 10);
    expect(all.find((one) => one.status === 'finished:failed' && one.id === undefined)?.reason).toContain(
      'Not started',
    );
    await expect(engine.listRuns()).resolves.toEqual([]);
  }, 150_000);
});
