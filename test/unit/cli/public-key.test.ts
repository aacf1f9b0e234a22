import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readPublicKey } from '../../../src/cli/public-key.ts';
import { newSshKey } from '../../support/ssh-key.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-key-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(content: string | Buffer): Promise<string> {
  writeFileSync(join(folder, 'key'), content);
  return (await readPublicKey('key', folder)).toString();
}

const refused = (content: string | Buffer) =>
  read(content).catch(({ code, reason, message, hint }) => ({ code, reason, message, hint }));

describe('the public key of a SuperNode', () => {
  test.each(['P-256', 'P-384', 'P-521'] as const)('%s: OpenSSH and PEM give the same PEM', async (curve) => {
    const { line, pem } = newSshKey(curve);
    expect(await read(line)).toBe(pem);
    expect(await read(`  ${line.trim().split(' ').slice(0, 2).join(' ')}`)).toBe(pem);
    expect(await read(pem.replaceAll('\n', '\r\n'))).toBe(pem);
  });

  test('a private key is refused, and nothing of it is told', async () => {
    const { privatePem } = newSshKey('P-384');
    const openSsh = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n';
    for (const key of [privatePem, openSsh]) {
      const failure = await refused(key);
      expect(failure).toMatchObject({ reason: 'NODE_KEY_PRIVATE', hint: expect.stringContaining('key.pub') });
      expect(JSON.stringify(failure)).not.toContain(key.split('\n')[1]);
    }
  });

  test.each([
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
    ],
    ['an Ed25519 key', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })],
    [
      'another curve',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ type: 'spki', format: 'pem' }),
    ],
    ['Ed25519 of OpenSSH', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFake me@here\n'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
    ['a point that is not on the curve', newSshKey('P-256').line.replace(/.{8}(?==* somebody)/, 'AAAAAAAA')],
    ['a type that is not that of the key', newSshKey('P-256').line.replace('nistp256', 'nistp384')],
    ['a line cut short', newSshKey('P-256').line.slice(0, 60)],
    ['text', 'hello'],
    ['nothing', ''],
    ['bytes', Buffer.from([0, 1, 2, 255])],
  ])('%s is refused', async (_, content) => {
    expect(await refused(content)).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'NODE_KEY_INVALID' });
  });

  test('a file that is not there, or is a folder', async () => {
    for (const path of ['none', '.']) {
      await expect(readPublicKey(path, folder)).rejects.toMatchObject({ reason: 'NODE_KEY_UNREADABLE' });
    }
  });
});
