import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/core/log.ts';
import { type EngineKind, openEngine } from '../../src/server/engine/index.ts';
import { selfSigned, writePair } from '../support/certificates.ts';
import { startSuperLink, type TestSuperLink } from '../support/superlink.ts';

const PROXIES = ['grpc_proxy', 'http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

describe.each([
  ['1.32.1', 'flower-grpc', 'flower-http'],
  ['1.41.0', 'flower-http', 'flower-grpc'],
] as const)('T-46: TLS of a real SuperLink %s', (release, right, wrong) => {
  let folder: string;
  let caFile: string;
  let link: TestSuperLink;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fedctl-engine-tls-'));
    const files = await writePair(folder, await selfSigned());
    caFile = files.certFile;
    link = await startSuperLink({ nodes: 0, release, tls: files });
  }, 120_000);

  afterAll(async () => {
    await link?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  async function runsAt(kind: EngineKind, { address = link.address, ca = caFile, insecure = false } = {}) {
    const trust = insecure ? { insecure } : { caFile: ca };
    const engine = openEngine({ kind, name: 'tls', address, log: silentLogger, ...trust });
    try {
      return await engine.listRuns();
    } finally {
      await engine.close();
    }
  }

  test('is reached by name and by address, told or found out', async () => {
    const byName = { address: link.address.replace('127.0.0.1', 'localhost') };
    for (const kind of ['flower', right] as const) {
      await expect(runsAt(kind)).resolves.toEqual([]);
      await expect(runsAt(kind, byName)).resolves.toEqual([]);
    }
  }, 60_000);

  test('another CA, another address, no TLS, the other transport: never', async () => {
    const other = await mkdtemp(join(folder, 'other-'));
    const { certFile } = await writePair(other, await selfSigned());
    const address = link.address.replace('127.0.0.1', '127.0.0.2');
    const away = { code: expect.stringMatching(/UNAVAILABLE|INTERNAL/) };
    for (const kind of ['flower', right] as const) {
      await expect(runsAt(kind, { ca: certFile })).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
      await expect(runsAt(kind, { address })).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
      await expect(runsAt(kind, { insecure: true })).rejects.toMatchObject(away);
    }
    await expect(runsAt(wrong)).rejects.toMatchObject(away);
  }, 120_000);

  test('a proxy of the environment does not come between the server and its engine', async () => {
    for (const name of PROXIES) process.env[name] = 'http://127.0.0.1:9';
    try {
      await expect(runsAt('flower')).resolves.toEqual([]);
    } finally {
      for (const name of PROXIES) delete process.env[name];
    }
  }, 60_000);
});
