import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readPrivateSecret } from '../../../src/cli/private-secret.ts';

const me = process.getuid?.() ?? 0;
const STRANGER = 12_345;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secret-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Its text where it is taken, else why not. */
function read(mode: number, uid = me): string {
  const path = join(folder, 'secret');
  writeFileSync(path, 'the secret\n');
  if (uid !== me) chownSync(path, uid, uid);
  chmodSync(path, mode);
  try {
    return readPrivateSecret(path, 'FEDCTL_TOKEN_FILE').reveal();
  } catch (error) {
    return (error as { reason: string }).reason;
  }
}

test('a file of ours alone is read; one that others can write is not', () => {
  expect([read(0o600), read(0o400)]).toEqual(['the secret', 'the secret']);
  expect([read(0o622), read(0o620), read(0o602)]).toEqual(Array(3).fill('SECRET_FILE_UNSAFE'));
});

// Files can be given away by root only.
const asRoot = me === 0 ? test : test.skip;

asRoot.each([0o644, 0o440, 0o444, 0o640, 0o400])(
  'what root has put there is read, as secrets are mounted: %o',
  (mode) => {
    expect(read(mode)).toBe('the secret');
  },
);

asRoot('a file of another user is not, whatever its mode', () => {
  expect([read(0o600, STRANGER), read(0o444, STRANGER)]).toEqual(['SECRET_FILE_UNSAFE', 'SECRET_FILE_UNSAFE']);
});

asRoot('to somebody else: the file of root that others can read is taken, an own one is not', () => {
  const getuid = process.getuid as () => number;
  process.getuid = () => STRANGER;
  try {
    expect([read(0o440, 0), read(0o644, 0), read(0o660, 0)]).toEqual([
      'the secret',
      'the secret',
      'SECRET_FILE_UNSAFE',
    ]);
    expect([read(0o600, STRANGER), read(0o640, STRANGER)]).toEqual(['the secret', 'SECRET_FILE_UNSAFE']);
  } finally {
    process.getuid = getuid;
  }
});
