import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { buildBundle } from '../../../src/project/bundle.ts';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject, storeLogin } from '../../support/cli.ts';
import { type ControlFake, issue, startControlFake } from '../../support/control-fake.ts';

let fake: ControlFake;
let project: CliProject;

beforeEach(async () => {
  const tls = await selfSigned();
  fake = await startControlFake({ tls });
  project = await makeProject({ address: fake.address, ca: tls.cert });
  await mkdir(join(project.dir, 'tiny'));
  await writeFile(join(project.dir, 'tiny/server.py'), 'app = None\n');
  await writeFile(join(project.dir, 'tiny/client.py'), 'app = None\n');
  await storeLogin(project, { address: fake.address, ca: tls.cert, tokens: issue(fake.state) });
});

afterEach(async () => {
  await fake.kill();
  await project.remove();
});

test.each([
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 4],
  [0, 4],
  [9, 4],
] as const)('run: where the server says family %d the bundle is of family %d', async (told, family) => {
  fake.state.bundleFamily = told;
  expect(await project.cli('run')).toMatchObject({ code: 0 });
  const { sha256 } = await buildBundle(project.dir, { family });
  expect(fake.state.submitted).toMatchObject([{ sha256 }]);
});

test('run --flwr-version wins over what the server says', async () => {
  expect(await project.cli('run', '--flwr-version', '1.22.0')).toMatchObject({ code: 0 });
  const { sha256 } = await buildBundle(project.dir, { family: 1 });
  expect(fake.state.submitted).toMatchObject([{ sha256 }]);
});

test('build: of the newest family, or of the release that is given; the same file as the library makes', async () => {
  for (const [args, family] of [
    [[], 4],
    [['--flwr-version', '1.27.0'], 3],
    [['--flwr-version', '1.18.0'], 1],
  ] as const) {
    const { code, stdout } = await project.cli('build', ...args, '--json');
    expect(code).toBe(0);
    const bundle = await buildBundle(project.dir, { family });
    const document = JSON.parse(stdout) as { path: string };
    expect(document).toMatchObject({ 'fab-hash': bundle.sha256, 'fab-filename': bundle.fileName });
    expect(Buffer.compare(await readFile(document.path), Buffer.from(bundle.content))).toBe(0);
  }
});

test.each(['run', 'build'])('%s --flwr-version nonsense: a usage error that says what to give', async (command) => {
  const { code, stderr } = await project.cli(command, '--flwr-version', 'newest');
  expect(code).toBe(2);
  expect(stderr).toContain('no release of Flower that fedctl knows');
  expect(stderr).toContain('1.18');
  expect(fake.state.submitted).toEqual([]);
});
