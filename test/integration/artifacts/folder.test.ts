import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runFolder } from '../../../src/server/artifacts/folder.ts';
import { type ArtifactServer, startArtifactServer } from '../../support/artifact-server.ts';
import { unzip } from '../../support/unzip.ts';

const ID = '6205364319212345678';
const LIMITS = { maxBytes: 1e9, maxEntries: 1000, maxDepth: 4 };

let server: ArtifactServer;
let outside: string;

beforeEach(async () => {
  server = await startArtifactServer();
  mkdirSync(server.folder, { recursive: true });
  outside = join(server.dir, '..', 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret of the server itself');
});
afterEach(() => server.stop());

const put = (path: string, text = path) => {
  mkdirSync(join(server.folder, path, '..'), { recursive: true });
  writeFileSync(join(server.folder, path), text);
};
const pulled = async () => {
  const files = await unzip((await server.get(await server.link())).body);
  return Object.fromEntries([...files].map(([name, content]) => [name.slice(ID.length + 1), content.toString()]));
};

test('files in folders, empty ones too, in the same order each time', async () => {
  for (const path of ['z.txt', 'a/b/c.bin', 'a/b.txt', 'umläut/数.txt']) put(path);
  put('empty', '');
  const first = (await server.get(await server.link())).body;
  expect(await pulled()).toEqual({
    'a/b/c.bin': 'a/b/c.bin',
    'a/b.txt': 'a/b.txt',
    empty: '',
    'umläut/数.txt': 'umläut/数.txt',
    'z.txt': 'z.txt',
  });
  expect((await server.get(await server.link())).body.equals(first)).toBe(true);
});

test('T-23: links to files and folders lead nowhere; pipes, sockets and second names are left out, and nothing waits for them', async () => {
  put('good');
  symlinkSync(join(outside, 'secret'), join(server.folder, 'file-link'));
  symlinkSync(outside, join(server.folder, 'folder-link'));
  symlinkSync('../../outside/secret', join(server.folder, 'relative-link'));
  symlinkSync('/proc/self/environ', join(server.folder, 'proc-link'));
  linkSync(join(outside, 'secret'), join(server.folder, 'second-name'));
  execFileSync('mkfifo', [join(server.folder, 'pipe')]);
  const socket = createServer().listen(join(server.folder, 's'));
  try {
    expect(await pulled()).toEqual({ good: 'good' });
  } finally {
    socket.close();
  }
});

test('T-23: a run whose folder is a link has none', async () => {
  rmSync(server.folder, { recursive: true });
  symlinkSync(outside, server.folder);
  await expect(server.link()).rejects.toMatchObject({ reason: 'ARTIFACTS_NOT_FOUND' });
});

test('T-23: a folder that is swapped for a link after it was looked at gives nothing of where the link leads', async () => {
  put('sub/secret', 'secret of the run!!!');
  const folder = runFolder(server.dir, ID);
  const [file] = (await folder.survey(LIMITS)) ?? [];
  if (!file) throw new Error('nothing found');
  renameSync(join(server.folder, 'sub'), join(server.folder, 'away'));
  symlinkSync(outside, join(server.folder, 'sub'));
  await expect(folder.open(file)).rejects.toBeDefined();
  // And the run's whole folder.
  rmSync(join(server.folder, 'sub'));
  mkdirSync(join(outside, 'sub'));
  writeFileSync(join(outside, 'sub', 'secret'), 'secret of the server');
  renameSync(server.folder, `${server.folder}-away`);
  symlinkSync(outside, server.folder);
  await expect(folder.open(file)).rejects.toBeDefined();
});

test('T-23: while folders are swapped for links all the time, nothing from elsewhere is ever read', async () => {
  put('sub/secret', 'of the run, and longer');
  const folder = runFolder(server.dir, ID);
  const [file] = (await folder.survey(LIMITS)) ?? [];
  if (!file) throw new Error('nothing found');
  const swapper = startSwapper(join(server.folder, 'sub'), join(server.folder, 'away'), outside);
  const seen: string[] = [];
  const missed: unknown[] = [];
  try {
    // In one of twenty tries a path that is opened name by name is lured away.
    while (seen.length < 500 || missed.length < 500) {
      const handle = await folder.open(file).catch((error) => void missed.push(error));
      if (handle) seen.push((await handle.readFile()).toString());
      await handle?.close();
    }
  } finally {
    swapper.kill('SIGKILL');
  }
  expect(new Set(seen)).toEqual(new Set(['of the run, and longer']));
}, 60_000);

test('names that some systems take for paths are spelled out', async () => {
  put('..\\..\\evil');
  put('C:x');
  put('line\nbreak');
  expect(Object.keys(await pulled()).sort()).toEqual(['..%5C..%5Cevil', 'C%3Ax', 'line%0Abreak']);
});

test('too many files and too deep folders are refused', async () => {
  for (const path of ['a', 'b', 'c', '1/2/3/4/deep']) put(path);
  const folder = runFolder(server.dir, ID);
  expect(await folder.survey(LIMITS)).toHaveLength(4);
  await expect(folder.survey({ ...LIMITS, maxEntries: 7 })).rejects.toMatchObject({ reason: 'ARTIFACTS_TOO_LARGE' });
  await expect(folder.survey({ ...LIMITS, maxDepth: 3 })).rejects.toMatchObject({ reason: 'ARTIFACTS_TOO_LARGE' });
});

test('what the server may not read is told, not left out', async () => {
  put('open');
  put('closed');
  chmodSync(join(server.folder, 'closed'), 0);
  chmodSync(join(server.dir, '..'), 0o755);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await expect(runFolder(server.dir, ID).survey(LIMITS)).rejects.toMatchObject({ reason: 'ARTIFACTS_UNREADABLE' });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

/** Another process that swaps the folder `sub` and a link to `outside`, as fast as it can. */
function startSwapper(sub: string, away: string, outside: string) {
  const script = `
    const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
    const [sub, away, outside] = process.argv.slice(1);
    for (;;) { renameSync(sub, away); symlinkSync(outside, sub); unlinkSync(sub); renameSync(away, sub); }`;
  return spawn(process.execPath, ['-e', script, sub, away, outside], { stdio: 'inherit' });
}
