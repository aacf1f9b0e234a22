import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findFlower } from '../../src/dev/tools/flower.ts';

const PROGRAMS = [
  'flower-superlink',
  'flower-supernode',
  'flower-superexec',
  'flwr',
  'flwr-serverapp',
  'flwr-clientapp',
];

/** Makes a wheel of a package that is called flwr and has Flower's programs, which only tell the version. */
const WHEEL = `
import sys, zipfile
folder, programs = sys.argv[1], sys.argv[2].split(',')
info = 'flwr-9.9.9.dist-info/'
files = {
  'flwr.py': "def main():\\n    print('Flower version: 9.9.9')\\n",
  info + 'METADATA': 'Metadata-Version: 2.1\\nName: flwr\\nVersion: 9.9.9\\n',
  info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
  info + 'entry_points.txt': '[console_scripts]\\n' + ''.join(p + ' = flwr:main\\n' for p in programs),
}
files[info + 'RECORD'] = ''.join(name + ',,\\n' for name in [*files, info + 'RECORD'])
with zipfile.ZipFile(folder + '/flwr-9.9.9-py3-none-any.whl', 'w') as wheel:
  for name, text in files.items():
    wheel.writestr(name, text)
`;

describe('finding Flower', () => {
  let folder: string;
  let environment: string;
  let lines: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-tools-'));
    environment = join(folder, 'cache/fedctl/flower/9.9.9');
    lines = [];
    mkdirSync(join(folder, 'wheels'));
    execFileSync('python3', ['-c', WHEEL, join(folder, 'wheels'), PROGRAMS.join(',')]);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** The real venv and pip, with a package folder in place of an index. */
  function find(env: NodeJS.ProcessEnv = {}) {
    const offline = {
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: join(folder, 'wheels'),
      XDG_CACHE_HOME: join(folder, 'cache'),
    };
    const progress = (line: string): void => void lines.push(line);
    return findFlower({ version: '9.9.9', progress, env: { ...pathWithoutFlower(), ...offline, ...env } });
  }

  test('installs once for starts at the same time, over what a broken installation left', async () => {
    mkdirSync(join(environment, 'bin'), { recursive: true });
    writeFileSync(join(environment, 'bin/flower-superlink'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const found = await Promise.all([find(), find()]);
    expect(found[0]).toEqual({ bin: join(environment, 'bin'), version: '9.9.9' });
    expect(found[1]).toEqual(found[0]);
    expect(execFileSync(join(environment, 'bin/flwr'), { encoding: 'utf8' })).toBe('Flower version: 9.9.9\n');
    expect(lines.filter((line) => line.endsWith('takes a minute'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('Another fedctl'))).toHaveLength(1);
    // From now on nothing is run or fetched.
    expect(await find({ PATH: '', PIP_FIND_LINKS: '' })).toEqual(found[0]);
  }, 180_000);

  test('leaves no marker and says why where pip fails, and succeeds at the next start', async () => {
    await expect(find({ PIP_FIND_LINKS: join(folder, 'nothing') })).rejects.toMatchObject({
      reason: 'TOOL_MISSING',
      message: expect.stringContaining('pip install failed'),
      hint: expect.stringContaining('FEDCTL_FLOWER'),
    });
    expect(existsSync(join(environment, 'fedctl-complete'))).toBe(false);
    await expect(find()).resolves.toMatchObject({ version: '9.9.9' });
  }, 180_000);

  test('says what it needs where there is no Python', async () => {
    await expect(find({ PATH: '' })).rejects.toMatchObject({
      reason: 'TOOL_MISSING',
      message: expect.stringContaining('Python 3.11'),
      hint: expect.stringContaining('--engine none'),
    });
  });

  test('refuses an explicit folder without Flower', async () => {
    await expect(find({ FEDCTL_FLOWER: folder })).rejects.toMatchObject({ reason: 'TOOL_MISSING' });
  });
});

function pathWithoutFlower(): NodeJS.ProcessEnv {
  const folders = (process.env.PATH ?? '').split(delimiter);
  // What the test run itself uses is not what these tests are about.
  const { FEDCTL_FLOWER: _, ...env } = process.env;
  return { ...env, PATH: folders.filter((one) => !existsSync(join(one, 'flower-superlink'))).join(delimiter) };
}
