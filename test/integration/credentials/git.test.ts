import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'git-'));
});
afterEach(() => rm(root, { recursive: true }));

async function git(cwd: string, ...args: string[]): Promise<string> {
  const settings = ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'protocol.file.allow=always'];
  return (await promisify(execFile)('git', [...settings, ...args], { cwd })).stdout;
}

async function login(project: string): Promise<void> {
  const path = join(project, '.flwr', '.credentials', 'lab.json');
  await openCredentials({ path, origin: 'host:9093', caPin: 'system' }).write({
    accessToken: new Secret('e30.e30.x'),
    refreshToken: new Secret('r'),
    expiresIn: 600,
    sessionId: 's',
    account: 'alice',
  });
}

async function flwrFile(project: string, name: string, text: string): Promise<void> {
  await mkdir(join(project, '.flwr', '.credentials'), { recursive: true });
  await writeFile(join(project, '.flwr', name), text);
}

const newRepository = async (): Promise<string> => {
  const repository = join(root, 'repository');
  await mkdir(repository);
  await git(repository, 'init', '-q');
  return repository;
};

interface RepositoryState {
  readonly make: () => Promise<string>;
  /** Of `.flwr/.gitignore` afterwards. */
  readonly ignore?: string;
}

const inRepository = (prepare: (project: string) => Promise<unknown>) => async () => {
  const project = await newRepository();
  await prepare(project);
  return project;
};

const safe: Record<string, RepositoryState> = {
  'no repository': {
    make: async () => {
      await mkdir(join(root, 'plain'));
      return join(root, 'plain');
    },
    ignore: '.credentials\n',
  },
  'a fresh repository': { make: inRepository(async () => {}), ignore: '.credentials\n' },
  'an ignore file without final newline': {
    make: inRepository((project) => flwrFile(project, '.gitignore', 'x')),
    ignore: 'x\n.credentials\n',
  },
  'an ignore file with CRLF': {
    make: inRepository((project) => flwrFile(project, '.gitignore', 'a\r\nb\r\n')),
    ignore: 'a\r\nb\r\n.credentials\r\n',
  },
  'CRLF without final newline': {
    make: inRepository((project) => flwrFile(project, '.gitignore', 'a\r\nb')),
    ignore: 'a\r\nb\r\n.credentials\r\n',
  },
  'a line that is there already, in CRLF': {
    make: inRepository((project) => flwrFile(project, '.gitignore', '.credentials\r\nz\r\n')),
    ignore: '.credentials\r\nz\r\n',
  },
  'a rule of the root that takes .flwr back': {
    make: inRepository((project) => writeFile(join(project, '.gitignore'), '!.flwr/.credentials/lab.json\n')),
    ignore: '.credentials\n',
  },
  'a negated rule before ours': {
    make: inRepository((project) => flwrFile(project, '.gitignore', '!.credentials\n')),
    ignore: '!.credentials\n.credentials\n',
  },
  'a project in a folder of the repository': {
    make: async () => {
      const project = join(await newRepository(), 'apps', 'one');
      await mkdir(project, { recursive: true });
      return project;
    },
    ignore: '.credentials\n',
  },
  'a worktree': {
    make: async () => {
      const repository = await newRepository();
      await git(repository, 'commit', '-q', '--allow-empty', '-m', 'x');
      await git(repository, 'worktree', 'add', '-q', join(root, 'tree'));
      return join(root, 'tree');
    },
    ignore: '.credentials\n',
  },
  'a submodule': {
    make: async () => {
      const repository = await newRepository();
      const other = join(root, 'other');
      await mkdir(other);
      await git(other, 'init', '-q');
      await git(other, 'commit', '-q', '--allow-empty', '-m', 'x');
      await git(repository, 'submodule', '--quiet', 'add', other, 'sub');
      return join(repository, 'sub');
    },
    ignore: '.credentials\n',
  },
  'a broken .git folder': {
    make: async () => {
      await mkdir(join(root, 'broken', '.git'), { recursive: true });
      return join(root, 'broken');
    },
    ignore: '.credentials\n',
  },
};

describe('CF-06, T-16: git never gets a login', () => {
  test.each(Object.entries(safe))(
    '%s: stored, and git add -A stages nothing secret',
    async (name, { make, ignore }) => {
      const project = await make();
      await login(project);
      expect(await readFile(join(project, '.flwr', '.gitignore'), 'utf8')).toBe(ignore);
      if (['no repository', 'a broken .git folder'].includes(name)) await git(project, 'init', '-q');
      await git(project, 'add', '-A');
      expect(await git(project, 'diff', '--cached', '--name-only')).not.toContain('.credentials/');
    },
  );

  test('a tracked credential file is refused', async () => {
    const project = await newRepository();
    await flwrFile(project, join('.credentials', 'lab.json'), '{}');
    await git(project, 'add', '-f', '.flwr/.credentials/lab.json');
    await expect(login(project)).rejects.toMatchObject({ reason: 'CREDENTIALS_TRACKED' });
    expect(await readFile(join(project, '.flwr/.credentials/lab.json'), 'utf8')).toBe('{}');
  });

  test.each(['.credentials\n!.credentials\n', '.credentials\n!*\n', '.credentials\n!.credentials/\n'])(
    'a rule that takes ours back is refused: %j',
    async (rules) => {
      const project = await newRepository();
      await flwrFile(project, '.gitignore', rules);
      await expect(login(project)).rejects.toMatchObject({ reason: 'CREDENTIALS_NOT_IGNORED' });
    },
  );
});
