import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Engine } from '../../../src/core/engine.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { startSuperLink, type TestSuperLink } from '../../support/superlink.ts';
import { until } from '../../support/until.ts';

let link: TestSuperLink;
let engine: Engine;

beforeAll(async () => {
  link = await startSuperLink({ nodes: 0, release: '1.24.0' });
  engine = openEngine({ kind: 'flower', name: 'moved', address: link.address, insecure: true, log: silentLogger });
}, 120_000);

afterAll(async () => {
  await engine?.close();
  await link?.close();
}, 60_000);

test('an engine that is replaced by another release, and back, is found again each time without a restart of ours', async () => {
  await expect(engine.listRuns()).resolves.toEqual([]);
  await expect(engine.bundleFamily()).resolves.toBe(2);
  for (const [release, family] of [
    ['1.32.1', 4],
    ['1.41.0', 4],
    ['1.24.0', 2],
  ] as const) {
    await link.kill();
    link.wipe();
    await link.start(release);
    await until(
      () =>
        engine.listRuns().then(
          () => true,
          () => false,
        ),
      10_000,
    );
    await expect(engine.listNodes()).resolves.toEqual([]);
    await expect(engine.bundleFamily()).resolves.toBe(family);
  }
}, 240_000);
