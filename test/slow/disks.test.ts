import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { startCli } from '../support/cli.ts';
import type { Person } from '../support/people.ts';
import { credentialPath, expire } from './logins.ts';

const mounts = mkdtempSync(join(tmpdir(), 'fedctl-disks-'));
const disk = join(mounts, 'disk');
mkdirSync(disk);
const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
/** Only root may. */
const canMount = mount('-t', 'tmpfs', '-o', 'size=512k,mode=0700', 'tmpfs', disk);
if (canMount) spawnSync('umount', [disk]);

let stage: Stage;
let alice: Person;
let home: string;

beforeAll(async () => {
  if (!canMount) return;
  stage = await setStage();
  await stage.serve({ changes: { tokens: { access: '1h' } } });
  alice = stage.people.person('alice');
  expect(await alice.login()).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  await stage?.close();
  rmSync(mounts, { recursive: true, force: true });
}, 30_000);

beforeEach(async () => {
  if (!canMount) return;
  expect(mount('-t', 'tmpfs', '-o', 'size=512k,mode=0700', 'tmpfs', disk)).toBe(true);
  home = join(disk, 'home');
  mkdirSync(home, { mode: 0o700 });
  cpSync(join(alice.home, 'config.toml'), join(home, 'config.toml'));
  mkdirSync(dirname(credentialPath(home)), { mode: 0o700 });
  for (const name of readdirSync(dirname(credentialPath(alice.home)))) {
    cpSync(join(dirname(credentialPath(alice.home)), name), join(dirname(credentialPath(home)), name));
  }
  await expire({ home, facts: stage.facts });
}, 30_000);
afterEach(() => {
  if (canMount) spawnSync('umount', [disk]);
});

const ls = () => startCli(['ls'], { cwd: mounts, env: { FLWR_HOME: home } }).ended;
const files = () => {
  const folder = dirname(credentialPath(home));
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
};

/** Every byte that there is. */
function fill(): void {
  for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 2)) {
    for (let count = 0; ; count += 1) {
      try {
        writeFileSync(join(disk, `filler-${size}-${count}`), Buffer.alloc(size, 1));
      } catch {
        rmSync(join(disk, `filler-${size}-${count}`), { force: true });
        break;
      }
    }
    if (size <= 4096) return;
  }
}

function free(): void {
  for (const name of readdirSync(disk)) if (name.startsWith('filler-')) rmSync(join(disk, name));
}

const when = canMount ? test : test.skip;

describe('F-33: the login is renewed, and the disk takes nothing', () => {
  when(
    'full: the call succeeds, the old file stands, it is told; with space again it is stored',
    async () => {
      const before = files();
      fill();
      for (let count = 0; count < 2; count += 1) {
        const { code, stdout, stderr } = await ls();
        expect({ code, stdout }).toEqual({ code: 0, stdout: 'No runs.\n' });
        expect(stderr).toMatch(/^Warning: The renewed login could not be stored: .*: the disk is full\./);
        expect(files()).toEqual(before);
      }
      free();
      expect(await ls()).toMatchObject({ code: 0, stderr: '' });
      expect(files()).not.toEqual(before);
      expect(Object.keys(files()).sort()).toEqual(Object.keys(before).sort());
      expect(await ls()).toMatchObject({ code: 0, stderr: '' });
    },
    120_000,
  );

  when(
    'read-only: the call succeeds, it is told; writable again it is stored',
    async () => {
      const before = files();
      expect(mount('-o', 'remount,ro', disk)).toBe(true);
      const { code, stdout, stderr } = await ls();
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'No runs.\n' });
      expect(stderr).toMatch(/^Warning: The renewed login could not be stored: .*: the file system is read-only\./);
      expect(files()).toEqual(before);
      expect(mount('-o', 'remount,rw', disk)).toBe(true);
      expect(await ls()).toMatchObject({ code: 0, stderr: '' });
      expect(files()).not.toEqual(before);
    },
    120_000,
  );
});
