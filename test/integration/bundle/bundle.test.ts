import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildBundle } from '../../../src/project/bundle.ts';
import { createApp, TEMPLATES } from '../../../src/project/new.ts';
import { FLOWER_VENV, runFlower } from '../../support/flower-cli.ts';
import { writeNastyTree } from './trees.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'fedctl-bundle-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const trees: Record<string, (dir: string) => Promise<unknown>> = {
  tinyapp: (dir) => cp(join(import.meta.dirname, '../../fixtures/tinyapp'), dir, { recursive: true }),
  nasty: (dir) => mkdir(dir).then(() => writeNastyTree(dir)),
  including: (dir) =>
    mkdir(dir).then(() => writeNastyTree(dir, 'fab-include = ["a/**/*.py", "*.md", "!a/x.py", "/a/x.py"]')),
  excluding: (dir) =>
    mkdir(dir).then(async () => {
      await writeNastyTree(dir, 'fab-exclude = ["a-b/", "*.yml", "/LICENSE", ".gitignore", ".editorconfig"]');
    }),
};
for (const template of TEMPLATES) {
  trees[template] = (dir) => createApp({ name: template, template, dir, publisher: 'lab' });
}

async function theirBundle(dir: string, name: string): Promise<string> {
  const out = join(scratch, `out-${name}`);
  await mkdir(out);
  const built = await runFlower('flwr', ['build', '--app', dir], { cwd: out, scratch });
  expect(built).toMatchObject({ exitCode: 0 });
  const [file] = (await readdir(out)).filter((entry) => entry.endsWith('.fab'));
  return join(out, file as string);
}

describe('a bundle against the real flwr build', () => {
  for (const [name, make] of Object.entries(trees)) {
    // A negated include pattern can match nothing by itself: flwr refuses it.
    if (name === 'including') continue;
    test(`${name}: same entries, order, fields and bytes; pyproject.toml equal as TOML`, async () => {
      const dir = join(scratch, name);
      await make(dir);
      const theirs = await theirBundle(dir, name);
      const bundle = await buildBundle(dir);
      const ours = join(scratch, bundle.fileName);
      await writeFile(ours, bundle.content);
      const script = join(import.meta.dirname, 'compare_fabs.py');
      const compared = await runFlower('python', [script, theirs, ours], { cwd: scratch, scratch });
      expect(compared).toEqual({ exitCode: 0, output: '' });
      const installed = await runFlower('flwr', ['install', ours], { cwd: scratch, scratch });
      expect(installed.output).toContain('Successfully installed');
      expect(installed.exitCode).toBe(0);
    });
  }

  test('both refuse a pattern that matches no file', async () => {
    const dir = join(scratch, 'including');
    await trees.including?.(dir);
    const built = await runFlower('flwr', ['build', '--app', dir], { cwd: scratch, scratch });
    expect(built.exitCode).not.toBe(0);
    await expect(buildBundle(dir)).rejects.toMatchObject({ reason: 'CONFIG_INVALID' });
  });

  test('the same tree gives the same bytes, wherever it stands', async () => {
    const [one, two] = [join(scratch, 'one'), join(scratch, 'two')];
    for (const dir of [one, two]) await mkdir(dir).then(() => writeNastyTree(dir));
    await rename(two, `${two}-moved`);
    const first = await buildBundle(one);
    expect((await buildBundle(`${two}-moved`)).sha256).toBe(first.sha256);
  });
});

test('the templates compile', async () => {
  const dir = join(scratch, 'compile');
  await createApp({ name: 'torchy', template: 'pytorch', dir, publisher: 'lab' });
  expect(FLOWER_VENV).not.toBe('');
  expect(await runFlower('python', ['-m', 'compileall', '-q', dir], { cwd: scratch, scratch })).toEqual({
    exitCode: 0,
    output: '',
  });
});
