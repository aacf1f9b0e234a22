import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import { caPin } from '../../../src/credentials/records.ts';
import { selfSigned } from '../../support/certificates.ts';
import { BIN, type CliProject, makeProject, startProgram } from '../../support/cli.ts';
import { type ControlFake, issue, startControlFake } from '../../support/control-fake.ts';

const PASSPHRASE = 'correct horse battery';

let fake: ControlFake;
let project: CliProject;
let folder: string;
let passphraseFile: string;
/** Of the agent that `fedctl agent` started. */
let socket: string;
let pid: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-cli-'));
  chmodSync(folder, 0o700);
  passphraseFile = join(folder, 'passphrase');
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  const tls = await selfSigned();
  fake = await startControlFake({ tls });
  project = await makeProject({ address: fake.address, ca: tls.cert });
  const { accessToken, refreshToken, expiresIn, sessionId, account } = issue(fake.state);
  const file = openCredentials({
    path: join(project.dir, '.flwr/.credentials/lab.json'),
    origin: fake.address,
    caPin: caPin(Buffer.from(tls.cert)),
    storage: { kind: 'encrypted', isChosen: true },
    keys: async () => ({
      agent: async () => undefined,
      keyring: async () => {
        throw new Error('no keyring');
      },
      passphrase: async () => new Secret(PASSPHRASE),
      known: new Map(),
    }),
  });
  const pair = { accessToken: new Secret(accessToken), refreshToken: new Secret(refreshToken) };
  await file.write({ ...pair, expiresIn: Number(expiresIn), sessionId, account });
  const started = await fedctl({}, 'agent', '--json');
  ({ socket, pid } = JSON.parse(started.stdout));
}, 60_000);
afterAll(async () => {
  try {
    process.kill(pid);
  } catch {
    // A test has ended it.
  }
  await fake?.kill();
  await project?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** fedctl in the project, without a terminal. `INPUT` of `env` is its standard input. */
async function fedctl({ INPUT = '', ...env }: NodeJS.ProcessEnv, ...args: string[]) {
  const { PATH } = process.env;
  const base = { PATH, HOME: project.dir, LANG: 'C.UTF-8', XDG_RUNTIME_DIR: folder, SHELL: '/bin/bash' };
  const options = { cwd: project.dir, env: { ...base, ...env }, leads: true };
  const running = startProgram(process.execPath, [BIN, ...args], options);
  running.child.stdin?.end(INPUT);
  return await running.ended;
}

const withAgent = (...args: string[]) => fedctl({ FEDCTL_AGENT_SOCK: socket }, ...args);

describe('a login that is sealed with a passphrase, and the agent', () => {
  test('agent add asks once; then commands need nobody, and agent ls tells no secret', async () => {
    expect(await withAgent('ls')).toMatchObject({ code: 3, stderr: expect.stringContaining('wants a passphrase') });
    const env = { FEDCTL_AGENT_SOCK: socket, FEDCTL_PASSPHRASE_FILE: passphraseFile };
    expect(await fedctl(env, 'agent', 'add', '--lifetime', '1h')).toMatchObject({
      code: 0,
      stdout: 'The agent opens the login of alice for "lab".\n',
    });
    expect(await withAgent('ls')).toMatchObject({ code: 0, stderr: '' });
    const list = await withAgent('agent', 'ls', '--json');
    expect(JSON.parse(list.stdout)).toEqual({
      success: true,
      pid,
      locked: false,
      entries: [
        {
          connection: 'lab',
          account: 'alice',
          holds: 'key',
          'expires-in': expect.any(Number),
          server: fake.address,
          file: join(project.dir, '.flwr/.credentials/lab.json'),
        },
      ],
    });
    const table = await withAgent('agent', 'ls');
    expect(table.stdout).toMatch(/^lab +alice +key +in (60|59) minutes/m);
    expect(table.stdout + list.stdout).not.toContain(readFileSync(passphraseFile, 'utf8').trim());
  });

  test('locked: the passphrase is asked for again; unlocked: nobody is', async () => {
    const lock = (command: string, words: string) =>
      fedctl({ FEDCTL_AGENT_SOCK: socket, INPUT: words }, 'agent', command);
    expect(await lock('lock', 'words\n')).toMatchObject({ code: 0, stdout: 'The agent is locked.\n' });
    expect(await withAgent('ls')).toMatchObject({ code: 3, stderr: expect.stringContaining('wants a passphrase') });
    expect(await withAgent('agent', 'add')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The agent is locked'),
    });
    expect(await lock('unlock', 'other\n')).toMatchObject({ code: 4 });
    expect(await lock('unlock', 'words\n')).toMatchObject({ code: 0 });
    expect(await withAgent('ls')).toMatchObject({ code: 0 });
  });

  test('lifetime and remove are about the connection that they name', async () => {
    expect(await withAgent('agent', 'lifetime', '10m', '.', 'lab')).toMatchObject({
      code: 0,
      stdout: '1 entry: forgotten in 10m.\n',
    });
    expect((await withAgent('agent', 'ls')).stdout).toMatch(/in (10|9) minutes/);
    expect(await withAgent('agent', 'remove')).toMatchObject({ code: 2 });
    expect(await withAgent('agent', 'remove', 'lab')).toMatchObject({ stdout: 'The agent has forgotten 1 entry.\n' });
    expect(await withAgent('ls')).toMatchObject({ code: 3 });
  });

  test('without an agent, and with one that is dead: told, in one line', async () => {
    expect(await fedctl({}, 'agent', 'ls')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FEDCTL_AGENT_SOCK is not set'),
    });
    const dead = { FEDCTL_AGENT_SOCK: join(folder, 'gone', 'agent.1') };
    expect(await fedctl(dead, 'agent', 'ls')).toMatchObject({ code: 6 });
    const { code, stderr } = await fedctl({ ...dead, FEDCTL_PASSPHRASE_FILE: passphraseFile }, 'ls');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `No agent answers at ${folder}/gone/agent.1 (FEDCTL_AGENT_SOCK). Going on without it.\n`,
    });
  });

  test('agent kill prints what the shell forgets it with', async () => {
    expect(await withAgent('agent', 'kill', '--shell', 'fish')).toMatchObject({
      code: 0,
      stdout: `set -e FEDCTL_AGENT_SOCK;\nset -e FEDCTL_AGENT_PID;\necho Agent pid ${pid} killed;\n`,
    });
  });
});

test('what "fedctl agent" prints works in a shell', async () => {
  const { stdout } = await fedctl({}, 'agent');
  const line =
    /^FEDCTL_AGENT_SOCK=(\S+); export FEDCTL_AGENT_SOCK;\nFEDCTL_AGENT_PID=(\d+); export FEDCTL_AGENT_PID;\necho Agent pid \2;\n$/;
  expect(stdout).toMatch(line);
  process.kill(Number(line.exec(stdout)?.[2]));
  const csh = await fedctl({ SHELL: '/bin/tcsh' }, 'agent');
  expect(csh.stdout).toMatch(/^setenv FEDCTL_AGENT_SOCK \S+;\nsetenv FEDCTL_AGENT_PID (\d+);\necho Agent pid \1;\n$/);
  process.kill(Number(/PID (\d+);/.exec(csh.stdout)?.[1]));
});
