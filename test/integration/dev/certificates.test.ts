import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DevCertificates, prepareCertificates } from '../../../src/dev/ca.ts';

const DAY = 24 * 60 * 60 * 1000;

describe("the stack's certificates", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-ca-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(['127.0.0.1', 'localhost'])('are trusted for %s by who trusts the authority', async (host) => {
    const paths = await prepareCertificates({ folder, now: Date.now() });
    expect(await handshake(paths, host)).toBe(true);
  });

  test('stay as they are until 30 days before the end; then the leaf alone is renewed', async () => {
    const start = Date.now();
    const paths = await prepareCertificates({ folder, now: start });
    const [ca, leaf] = [readFileSync(paths.ca, 'utf8'), readFileSync(paths.certificate, 'utf8')];

    await prepareCertificates({ folder, now: start + 366 * DAY });
    expect(readFileSync(paths.certificate, 'utf8')).toBe(leaf);

    await prepareCertificates({ folder, now: start + 368 * DAY });
    expect(readFileSync(paths.certificate, 'utf8')).not.toBe(leaf);
    expect(readFileSync(paths.ca, 'utf8')).toBe(ca);
    expect(new X509Certificate(readFileSync(paths.certificate)).verify(new X509Certificate(ca).publicKey)).toBe(true);
  });

  test('a new authority gets a new leaf, for an old one would be worth nothing', async () => {
    const paths = await prepareCertificates({ folder, now: Date.now() });
    rmSync(paths.ca);
    await prepareCertificates({ folder, now: Date.now() });
    expect(await handshake(paths, '127.0.0.1')).toBe(true);
  });

  test('keep their keys to the owner', async () => {
    const paths = await prepareCertificates({ folder, now: Date.now() });
    for (const key of [paths.key, join(folder, 'ca.key')]) expect(statSync(key).mode & 0o777).toBe(0o600);
  });
});

async function handshake(paths: DevCertificates, host: string): Promise<boolean> {
  const server = createServer({ cert: readFileSync(paths.certificate), key: readFileSync(paths.key) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ host, port, ca: readFileSync(paths.ca) }, () => resolve(socket.authorized));
      socket.once('error', reject).once('secureConnect', () => socket.destroy());
    });
  } finally {
    server.close();
  }
}
