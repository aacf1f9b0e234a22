import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { acceptableMode, createMasterKeyFile, createVault, openVault } from '../../../src/server/identity/vault.ts';
import { memoryMeta, reasonOf } from './fixtures.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-vault-'));
  file = join(folder, 'master.key');
});
afterEach(() => rm(folder, { recursive: true }));

describe('sealing', () => {
  const vault = createVault(randomBytes(32));

  test('opens what it sealed, and never seals the same way twice', () => {
    const sealed = vault.seal('secret ünïcode', 'token-pair', 'row');
    expect(sealed).not.toContain('secret');
    expect(vault.open(sealed, 'token-pair', 'row')).toBe('secret ünïcode');
    expect(vault.seal('secret ünïcode', 'token-pair', 'row')).not.toBe(sealed);
    expect(vault.open(vault.seal('', 'token-pair', 'row'), 'token-pair', 'row')).toBe('');
  });

  test('a sealed value can be moved neither to another row nor to another purpose', async () => {
    const sealed = vault.seal('secret', 'token-pair', 'row');
    expect(await reasonOf(() => vault.open(sealed, 'token-pair', 'other'))).toBe('SEAL_BROKEN');
    expect(await reasonOf(() => vault.open(sealed, 'provider-token', 'row'))).toBe('SEAL_BROKEN');
  });

  test('every changed character is noticed', async () => {
    const sealed = vault.seal('secret', 'token-pair', 'row');
    for (let at = 0; at < sealed.length - 1; at += 1) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      expect(await reasonOf(() => vault.open(changed, 'token-pair', 'row'))).toMatch(/SEAL_BROKEN|MASTER_KEY_CHANGED/);
    }
    for (const junk of ['', 'v1', 'v1.a.b', 'v1....', `${sealed}.x`, 'v2.a.b.c'])
      expect(await reasonOf(() => vault.open(junk, 'token-pair', 'row'))).toBe('SEAL_BROKEN');
  });

  test('another key is told as such', async () => {
    const sealed = vault.seal('secret', 'token-pair', 'row');
    const other = createVault(randomBytes(32));
    expect(await reasonOf(() => other.open(sealed, 'token-pair', 'row'))).toBe('MASTER_KEY_CHANGED');
  });
});

describe('the master key file', () => {
  const open = (meta = memoryMeta()) => reasonOf(() => openVault({ file, meta }));

  test('is made private, and never overwritten', async () => {
    await createMasterKeyFile(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const before = await readFile(file, 'utf8');
    expect(await reasonOf(() => createMasterKeyFile(file))).toBe('MASTER_KEY_EXISTS');
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await open()).toBe('no error');
  });

  test('opens again what was sealed under it', async () => {
    await createMasterKeyFile(file);
    const meta = memoryMeta();
    const sealed = (await openVault({ file, meta })).seal('secret', 'device-code', 'row');
    expect((await openVault({ file, meta })).open(sealed, 'device-code', 'row')).toBe('secret');
  });

  test('absent: said plainly, with the next step', async () => {
    expect(await open()).toBe('MASTER_KEY_MISSING');
  });

  test.each([
    ['empty', ''],
    ['31 bytes', 'x'.repeat(31)],
    ['33 bytes', 'x'.repeat(33)],
    ['base64 of 31 bytes', Buffer.alloc(31).toString('base64')],
    ['large', 'A'.repeat(100_000)],
  ])('wrong size: %s', async (_name, content) => {
    await writeFile(file, content, { mode: 0o600 });
    expect(await open()).toBe('MASTER_KEY_SIZE');
  });

  test('raw bytes, base64 and base64url are the same key', async () => {
    const key = randomBytes(32);
    const meta = memoryMeta();
    for (const content of [key, `${key.toString('base64')}\n`, key.toString('base64url')]) {
      await writeFile(file, content, { mode: 0o600 });
      expect(await open(meta)).toBe('no error');
    }
  });

  test.each([0o644, 0o640, 0o660, 0o604, 0o606, 0o620])('our own file with mode %o is refused', async (mode) => {
    await createMasterKeyFile(file);
    await chmod(file, mode);
    expect(await open()).toBe('MASTER_KEY_PERMISSIONS');
  });

  test('a mounted secret may be read by its group, never by others, never written by the group', () => {
    const [self, root] = [1000, 0];
    expect(acceptableMode(0o400, self, self)).toBe(true);
    expect(acceptableMode(0o440, self, self)).toBe(true);
    expect(acceptableMode(0o640, root, self)).toBe(true);
    expect(acceptableMode(0o640, self, self)).toBe(false);
    for (const mode of [0o444, 0o660, 0o644, 0o404, 0o460, 0o650]) expect(acceptableMode(mode, root, self)).toBe(false);
  });

  test('changed: the data was sealed with another', async () => {
    const meta = memoryMeta();
    await createMasterKeyFile(file);
    await openVault({ file, meta });
    await rm(file);
    await createMasterKeyFile(file);
    expect(await open(meta)).toBe('MASTER_KEY_CHANGED');
  });
});
