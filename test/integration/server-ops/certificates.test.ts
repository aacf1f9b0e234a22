import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Logger } from '../../../src/core/log.ts';
import type { Metrics } from '../../../src/core/metrics.ts';
import { type Certificates, createCertificates } from '../../../src/server/transport/certificates.ts';
import { selfSigned, writePair } from '../../support/certificates.ts';
import { until } from '../../support/echo-server.ts';

let folder: string;
let open: Certificates | undefined;
const logged: string[] = [];
const gauges = new Map<string, number>();

const log: Logger = {
  debug() {},
  info: (_fields, message) => void logged.push(`info ${message}`),
  warn: (_fields, message) => void logged.push(`warn ${message}`),
  error: (_fields, message) => void logged.push(`error ${message}`),
  child: () => log,
};
const metrics: Metrics = { count() {}, observe() {}, set: (name, _labels, value) => void gauges.set(name, value) };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-certs-'));
  logged.length = 0;
});
afterEach(async () => {
  open?.close();
  await rm(folder, { recursive: true, force: true });
});

async function watching(files: { certFile: string; keyFile: string }, pollMs?: number): Promise<Certificates> {
  open = await createCertificates({ ...files, log, metrics, ...(pollMs ? { pollMs } : {}) });
  return open;
}

const inUse = (certificates: Certificates, cert: string) => () => certificates.current().cert.toString() === cert;

describe('F-38: a certificate', () => {
  test('that is written anew is taken up and told', async () => {
    const certificates = await watching(await writePair(folder, await selfSigned()));
    const told: string[] = [];
    certificates.onChange(({ cert }) => told.push(cert.toString()));
    const next = await selfSigned();
    await writePair(folder, next);
    await until(inUse(certificates, next.cert));
    expect(told).toEqual([next.cert]);
  });

  test('behind symlinks that are swapped, as Kubernetes does, is taken up', async () => {
    const next = await selfSigned();
    for (const [name, pair] of [
      ['one', await selfSigned()],
      ['two', next],
    ] as const) {
      await mkdir(join(folder, name));
      await writePair(join(folder, name), pair);
    }
    await symlink('one', join(folder, '..data'));
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(folder, name));
    const certificates = await watching({ certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') });
    await symlink('two', join(folder, '..new'));
    await rename(join(folder, '..new'), join(folder, '..data'));
    await until(inUse(certificates, next.cert));
  });

  test('is found by polling where the folder says nothing', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    const { certFile, keyFile } = await writePair(elsewhere, await selfSigned());
    await mkdir(join(folder, 'links'));
    const files = { certFile: join(folder, 'links/tls.crt'), keyFile: join(folder, 'links/tls.key') };
    await symlink(certFile, files.certFile);
    await symlink(keyFile, files.keyFile);
    const certificates = await watching(files, 30);
    const next = await selfSigned();
    await writePair(elsewhere, next);
    await until(inUse(certificates, next.cert));
  });

  test('that can not be used leaves the old one in use, and that is said once', async () => {
    const good = await selfSigned();
    const { certFile, keyFile } = await writePair(folder, good);
    const certificates = await watching({ certFile, keyFile });
    await writeFile(certFile, (await selfSigned()).cert);
    await until(() => logged.length > 0);
    expect(await certificates.reload()).toBe(false);
    expect(inUse(certificates, good.cert)()).toBe(true);
    expect(logged).toEqual([
      expect.stringMatching(/^error the new certificate can't be used, the old one stays: The key/),
    ]);
    await writePair(folder, good);
    expect(await certificates.reload()).toBe(false);
  });

  test('that ends in two weeks is announced, with its days in the metrics', async () => {
    await watching(await writePair(folder, await selfSigned({ days: 11 })));
    expect(logged).toEqual(['warn the certificate expires soon']);
    expect(gauges.get('certificate_days_left')).toBeCloseTo(10, 1);
  });

  test('that can not be used at start is one sentence', async () => {
    const files = await writePair(folder, await selfSigned());
    await writeFile(files.keyFile, (await selfSigned()).key);
    await expect(watching(files)).rejects.toMatchObject({
      reason: 'CERTIFICATE_UNUSABLE',
      message: expect.stringMatching(/^The key in .* does not belong to the certificate in .*\.$/),
    });
  });
});
