import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

let folder: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-pack-'));
  // Without scripts: the test script has built dist already, and others are using it.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: ROOT });
  packed = packedOf(JSON.parse(stdout));
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...options, `./${packed.filename}`], { cwd: folder });
}, 300_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('the package holds what it needs and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      '.oclif.manifest.json',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/bin.js',
      'docs/configuration.md',
      'proto/fedctl/v1/runs.proto',
      'proto/flwr/proto/control.proto',
      'templates/apps/numpy/pyproject.toml',
      'templates/deploy/fedctl.service',
      'templates/model.json',
    ]),
  );
  const allowed = /^(\.oclif\.manifest\.json|package\.json|LICENSE|[A-Z]+\.md|(dist|docs|proto|templates)\/.*)$/;
  expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
  expect(paths.filter((path) => /\.(ts|map|tsbuildinfo|pyc)$|quickstart|(^|\/)(test|bench)\//.test(path))).toEqual([]);
  const bin = packed.files.find(({ path }) => path === 'dist/bin.js');
  expect((bin?.mode ?? 0) & 0o111).toBe(0o111);
});

test('installed, it shows its version and its commands', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  expect(await fedctl('--version')).toContain(`fedctl/${version} `);
  const help = await fedctl('--help');
  for (const command of ['login', 'run', 'ls', 'log', 'stop', 'admin', 'server', 'dev']) {
    expect(help).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  }
});

test.each(['numpy', 'pytorch'])('installed, it makes and bundles an app from the template %s', async (template) => {
  await fedctl('new', `demo-${template}`, '--template', template);
  const { path, files } = JSON.parse(await fedctl('build', `demo-${template}`, '--json'));
  expect(existsSync(path)).toBe(true);
  expect(files).toBeGreaterThan(4);
});

test('installed, it writes a configuration and a master key that only the owner can read', async () => {
  await fedctl('server', 'init', '--dir', 'etc', '--issuer', 'https://idp.example');
  for (const file of ['server.toml', 'master.key'])
    expect(statSync(join(folder, 'etc', file)).mode & 0o777).toBe(0o600);
});

/** `npx fedctl` of the installed package, with a home of its own; its standard output. @throws where it fails */
async function fedctl(...args: readonly string[]): Promise<string> {
  const bin = join(folder, 'node_modules/.bin/fedctl');
  if (!existsSync(bin)) throw new Error('npm has linked no fedctl.');
  const env = { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8' };
  return (await run(bin, [...args], { cwd: folder, env })).stdout;
}

/** npm's JSON is a list in some releases and an object by name in others. */
function packedOf(answer: Packed[] | Record<string, Packed>): Packed {
  const [one] = Object.values(answer);
  if (!one) throw new Error('npm has packed nothing.');
  return one;
}
