import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loginFolder } from '../support/logins.ts';

const WORKER = join(import.meta.dirname, '../support/keyring-worker.ts');
const isThere = (program: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
const missing = ['dbus-run-session', 'gnome-keyring-daemon'].filter((program) => !isThere(program));
if (missing.length > 0) throw new Error(`Install ${missing.join(' and ')} (Debian: dbus-bin, gnome-keyring).`);

let folder: Awaited<ReturnType<typeof loginFolder>>;
beforeEach(async () => {
  folder = await loginFolder();
  mkdirSync(join(folder.dir, 'data'));
});
afterEach(() => folder.remove());

/** Runs the worker in a D-Bus session of its own, beside a real GNOME Keyring. */
function inSession(daemon: 'unlock' | 'start', steps: string): unknown[] {
  const start = `printf 'password' | gnome-keyring-daemon --${daemon} --components=secrets >/dev/null 2>&1; exec "$0" "$@"`;
  const args = ['--', 'sh', '-c', start, process.execPath, WORKER, steps, folder.path];
  const env = {
    PATH: process.env.PATH,
    HOME: folder.dir,
    XDG_DATA_HOME: join(folder.dir, 'data'),
    XDG_RUNTIME_DIR: folder.dir,
  };
  const { stdout, stderr } = spawnSync('dbus-run-session', args, { env, encoding: 'utf8', timeout: 60_000 });
  // The daemon may print a line of its own first.
  const line = stdout.split('\n').findLast((text) => text.startsWith('['));
  if (line === undefined) throw new Error(stdout + stderr);
  return JSON.parse(line) as unknown[];
}

describe('a real GNOME Keyring', () => {
  test('keeps the key over its own restarts; the login opens, is renewed and removed', async () => {
    expect(inSession('unlock', 'has,write,read,renew,read')).toEqual([true, 'keyring', 'refresh-a', true, 'refresh-b']);
    expect(await readFile(folder.path, 'utf8')).not.toContain('refresh-');
    expect(inSession('unlock', 'read,remove,read')).toEqual(['refresh-b', true, 'none']);
  }, 120_000);

  test('locked: the command fails, the login stays', async () => {
    expect(inSession('unlock', 'write')).toEqual(['keyring']);
    expect(inSession('start', 'has,read')).toEqual([true, 'KEYRING_UNAVAILABLE']);
    expect(inSession('unlock', 'read')).toEqual(['refresh-a']);
  }, 120_000);
});
