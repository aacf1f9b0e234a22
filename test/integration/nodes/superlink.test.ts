import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { Nodes } from '../../../src/core/nodes.ts';
import { openEngine } from '../../../src/server/engine/index.ts';
import { createNodes } from '../../../src/server/nodes/index.ts';
import { selfSigned, writePair } from '../../support/certificates.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { startSuperLink, type TestSuperLink } from '../../support/superlink.ts';
import { until } from '../../support/until.ts';

let folder: string;
let link: TestSuperLink;
let store: TempStore;
let nodes: Nodes;
let close: () => Promise<void>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-nodes-'));
  const tls = await writePair(folder, await selfSigned());
  link = await startSuperLink({ nodes: 0, tls, nodeAuth: true });
  const { address } = link;
  const engine = openEngine({ kind: 'flower', name: 'lab', address, caFile: tls.certFile, log: silentLogger });
  close = () => engine.close();
  store = await openTempStore();
  const engines = new Map([['lab', engine]]);
  nodes = createNodes({ engines, store: store.store, clock: systemClock, log: silentLogger, deadlineMs: 30_000 });
}, 120_000);
afterAll(async () => {
  await close?.();
  await store?.cleanup();
  await link?.close();
  rmSync(folder, { recursive: true, force: true });
});

const row = {
  engine: 'lab',
  federation: '@lab/default',
  ownerAccountId: 'account',
  owner: 'user:example|ann',
  ownerHandle: 'ann',
  name: 'Ward 7',
  location: '48.137,11.575',
  registeredAt: 1_700_000_000_000,
};

test('a SuperNode whose key was registered comes online, however its key was spelled; unregistered, it is gone', async () => {
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', '384', '-N', '', '-f', key]);
  const pem = execFileSync('ssh-keygen', ['-e', '-m', 'PKCS8', '-f', `${key}.pub`]).toString();
  const registered = await nodes.register(row, Buffer.from(`\n${pem.replaceAll('\n', '\r\n')}`));
  const { id } = registered;
  expect(await nodes.list(['lab'])).toMatchObject([
    { engine: 'lab', node: { id, status: 'registered' }, row: registered },
  ]);
  await expect(nodes.register(row, Buffer.from(pem))).rejects.toMatchObject({ reason: 'NODE_KEY_TAKEN' });

  await link.addNode(key);
  await until(async () => (await nodes.find(id))?.node.status === 'online', 90_000);
  expect(await nodes.find(id)).toMatchObject({ engine: 'lab', row: registered });
  expect(await nodes.find(id + 1n)).toBeUndefined();

  await nodes.unregister('lab', id);
  expect([undefined, 'unregistered']).toContain((await nodes.find(id))?.node.status);
  expect((await store.store.nodeById(id))?.unregisteredAt).toBeGreaterThan(0);
  await expect(nodes.unregister('lab', id)).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'NODE_NOT_FOUND' });
}, 180_000);
