import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fromBufferPromise } from 'yauzl';
import { familyOf } from '../../../src/core/bundle-families.ts';
import { buildBundle } from '../../../src/project/bundle.ts';
import { TEMPLATES } from '../../../src/project/new.ts';
import { verifyBundle } from '../../../src/server/runs/bundle.ts';
import { runFlower } from '../../support/flower-cli.ts';
import { writeNastyTree } from './nasty-tree.ts';
import { type FlwrOutcome, RELEASES, runFlwr } from './releases.ts';
import { SECRETS, TREES, writeSecretTree } from './trees.ts';

let scratch: string;
let apps: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'fedctl-bundle-'));
  apps = join(scratch, 'apps');
  await mkdir(apps);
  for (const [name, make] of Object.entries({ ...TREES, secrets: writeSecretTree })) await make(join(apps, name));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** What `flwr build` of a release makes of all trees, by name. */
async function theirBundles(release: string): Promise<Map<string, Buffer>> {
  const names = await readdir(apps);
  const calls = names.map((name) => ({
    cwd: join(scratch, release, name),
    args: ['build', '--app', join(apps, name)],
  }));
  for (const { cwd } of calls) await mkdir(cwd, { recursive: true });
  const built = await runFlwr(release, calls, join(scratch, release, 'home'));
  expect(built.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
  const bundles = new Map<string, Buffer>();
  for (const name of names) {
    const [file = ''] = await readdir(join(scratch, release, name));
    bundles.set(name, await readFile(join(scratch, release, name, file)));
  }
  return bundles;
}

/** Without the server's checks: some of these bundles it refuses. */
async function filesOf(content: Uint8Array): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const zip = await fromBufferPromise(Buffer.from(content));
  for await (const entry of zip.eachEntry()) {
    files[entry.fileName] = '';
    const stream: AsyncIterable<Buffer> = await zip.openReadStreamPromise(entry);
    for await (const piece of stream) files[entry.fileName] += piece.toString('utf8');
  }
  return files;
}

describe.each(RELEASES)('against the real flwr %s', (release) => {
  const family = familyOf(release);
  let theirs: Map<string, Buffer>;
  beforeAll(async () => {
    theirs = await theirBundles(release);
  }, 300_000);

  test.each(Object.keys(TREES))('%s: the same bytes, which the server takes', async (name) => {
    const ours = await buildBundle(join(apps, name), { family });
    const content = theirs.get(name) ?? Buffer.alloc(0);
    // The files first: they tell more than a hash where something differs.
    expect(await filesOf(ours.content)).toEqual(await filesOf(content));
    expect(Buffer.compare(Buffer.from(ours.content), content)).toBe(0);
    await expect(verifyBundle(content)).resolves.toMatchObject({ sha256: ours.sha256, app: ours.app });
  });

  test('CF-08: the same files but what looks like a secret', async () => {
    const ours = await buildBundle(join(apps, 'secrets'), { family });
    const all = Object.keys(await filesOf(theirs.get('secrets') ?? Buffer.alloc(0)));
    const links = ['small/secret-link.toml', 'small/outside-link.md'];
    const leftOut = all.filter((path) => (SECRETS as readonly string[]).includes(path) || links.includes(path));
    expect(leftOut.length).toBeGreaterThan(2);
    expect(Object.keys(await filesOf(ours.content))).toEqual(all.filter((path) => !leftOut.includes(path)));
    // Family 2 leaves .flwr/ out by itself, and so does its first release but for that: nothing to warn of.
    for (const path of leftOut.filter((one) => family !== 2 || !one.startsWith('.flwr/'))) {
      expect(ours.warnings.some((line) => path.startsWith(line.split(' was left out')[0] as string))).toBe(true);
    }
    await expect(verifyBundle(ours.content)).resolves.toMatchObject({ sha256: ours.sha256 });
  });

  test('flwr install takes our bundles', async () => {
    const calls = [];
    for (const name of await readdir(apps)) {
      const bundle = await buildBundle(join(apps, name), { family });
      await mkdir(join(scratch, release, `ours-${name}`));
      const file = join(scratch, release, `ours-${name}`, bundle.fileName);
      await writeFile(file, bundle.content);
      calls.push({ cwd: scratch, args: ['install', file] });
    }
    const installed: FlwrOutcome[] = await runFlwr(release, calls, join(scratch, release, 'home'));
    for (const outcome of installed) {
      expect(outcome).toMatchObject({ exitCode: 0, output: expect.stringContaining('Successfully installed') });
    }
  }, 120_000);
});

test('both refuse a pattern that matches no file (1.28 and later)', async () => {
  const dir = join(scratch, 'idle');
  await writeNastyTree(dir, 'fab-include = ["a/**/*.py", "!a/x.py"]');
  const calls = [{ cwd: scratch, args: ['build', '--app', dir] }];
  const [outcome] = await runFlwr('1.32.1', calls, join(scratch, 'idle-home'));
  expect(outcome?.exitCode).not.toBe(0);
  await expect(buildBundle(dir)).rejects.toMatchObject({ reason: 'CONFIG_INVALID' });
  await expect(buildBundle(dir, { family: 3 })).resolves.toMatchObject({ app: 'lab/nasty' });
});

test.each([1, 2, 3, 4] as const)(
  'family %d: the same tree gives the same bytes, wherever it stands',
  async (family) => {
    const [one, two] = [join(scratch, `one-${family}`), join(scratch, `two-${family}`)];
    for (const dir of [one, two]) await cp(join(apps, 'nasty'), dir, { recursive: true, verbatimSymlinks: true });
    await rename(two, `${two}-moved`);
    const first = await buildBundle(one, { family });
    expect((await buildBundle(`${two}-moved`, { family })).sha256).toBe(first.sha256);
  },
);

test('the templates compile', async () => {
  for (const template of TEMPLATES) {
    const args = ['-m', 'compileall', '-q', join(apps, `new-${template}`)];
    expect(await runFlower('python', args, { cwd: scratch, scratch })).toEqual({ exitCode: 0, output: '' });
  }
});
