import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine } from '../../../src/core/engine.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { isFinal, type Run } from '../../../src/core/runs.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { createRunService } from '../../../src/server/runs/service.ts';
import { makeCaller, makeRequest } from '../../support/run-service.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { makeAudit } from '../../support/store-rows.ts';
import { startSuperLink, type TestSuperLink } from '../../support/superlink.ts';
import { collect, until } from '../../support/until.ts';
import { fixtureBundle } from '../../support/zip.ts';

const APP = new URL('../../fixtures/tinyapp', import.meta.url).pathname;
const never = new AbortController().signal;
const ENGINE_OF = new Map([
  ['@lab/old', 'old'],
  ['@lab/new', 'new'],
]);

let temp: TempStore;
let links: Record<'old' | 'new', TestSuperLink>;
let engines: ReadonlyMap<string, Engine>;
let party: ReturnType<typeof createRunService>;

beforeAll(async () => {
  const [old, current] = await Promise.all([
    startSuperLink({ nodes: 0 }),
    startSuperLink({ nodes: 0, release: '1.41.0' }),
  ]);
  links = { old, new: current };
  temp = await openTempStore();
  const { store } = temp;
  engines = new Map(
    Object.entries(links).map(([name, { address }]) => [
      name,
      openEngine({ kind: 'flower', name, address, insecure: true, log: silentLogger }),
    ]),
  );
  party = createRunService({
    engines,
    engineOf: async (federation) => ENGINE_OF.get(federation),
    stores: { runs: store, bundles: store, logs: store, meta: store },
    log: silentLogger,
    settings: { reconcileEveryMs: 2_000 },
  });
  await party.service.start();
}, 180_000);

afterAll(async () => {
  await party?.service.stop();
  for (const engine of engines?.values() ?? []) await engine.close();
  await Promise.all(Object.values(links ?? {}).map((link) => link.close()));
  await temp?.cleanup();
}, 60_000);

async function submit(federation: string, salt: string): Promise<Run> {
  const bundle = await party.runs.verifyBundle(fixtureBundle(APP, salt));
  const request = { ...makeRequest(randomUUID()), federation, runConfig: { rounds: 0n, lines: 3n } };
  return await party.runs.submit(makeCaller(), bundle, request, makeAudit());
}

const ended = (run: Run) =>
  until(async () => {
    const now = await party.runs.current(run.key);
    return isFinal(now.status) && now;
  }, 90_000);

describe('two engines of two generations behind one control plane', () => {
  test('each federation runs on its own, with one bundle at one time', async () => {
    const [old, current] = await Promise.all([submit('@lab/old', 'both'), submit('@lab/new', 'both')]);
    expect([old.engine, current.engine]).toEqual(['old', 'new']);
    for (const run of [old, current]) {
      const log = (await collect(party.runs.logs(run, 0, true, never))).map((piece) => piece.text).join('');
      expect(log).toContain('end after 3 lines');
      await expect(ended(run)).resolves.toMatchObject({ status: 'finished:completed' });
    }
    const seen = async (name: string) => ((await engines.get(name)?.listRuns()) ?? []).map(({ id }) => id);
    await expect(seen('old')).resolves.toEqual([old.id]);
    await expect(seen('new')).resolves.toEqual([current.id]);
  }, 150_000);

  test('one that is away takes nothing from the other', async () => {
    await links.new.kill();
    await expect(submit('@lab/new', 'away')).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
    const run = await submit('@lab/old', 'here');
    await expect(ended(run)).resolves.toMatchObject({ status: 'finished:completed' });
    const health = await party.health();
    expect(health.map(({ ok }) => ok)).toEqual([true, false]);
    expect(health[1]?.detail).toContain('"new"');
  }, 120_000);
});
