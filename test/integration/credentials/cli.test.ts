import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseStorage } from '../../../src/cli/storage.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import { resolveTarget } from '../../../src/project/target.ts';
import { selfSigned } from '../../support/certificates.ts';
import { type CliProject, makeProject, runCli } from '../../support/cli.ts';
import { type ControlFake, fakeRun, issue, startControlFake } from '../../support/control-fake.ts';
import { tokensOf } from '../../support/logins.ts';

let fake: ControlFake;
let project: CliProject;
beforeEach(async () => {
  const tls = await selfSigned();
  fake = await startControlFake({ tls });
  fake.state.runs = [fakeRun()];
  project = await makeProject({ address: fake.address, ca: tls.cert });
});
afterEach(async () => {
  await fake.kill();
  await project.remove();
});

const cli = (env: NodeJS.ProcessEnv, ...args: string[]) => runCli(args, { cwd: project.dir, env });
const folder = () => join(project.dir, '.flwr/.credentials');
const textOf = (name = 'lab.json') => readFile(join(folder(), name), 'utf8');
const secretFile = async (name: string, text: string, mode = 0o600) => {
  const path = join(project.dir, name);
  await writeFile(path, text, { mode });
  await chmod(path, mode);
  return path;
};
const has = (text: string) => expect.stringContaining(text);

describe('FEDCTL_TOKEN and FEDCTL_TOKEN_FILE', () => {
  test('bring the token of every command; nothing is stored', async () => {
    const { accessToken } = issue(fake.state);
    for (const command of ['ls', 'whoami']) {
      expect(await cli({ FEDCTL_TOKEN: accessToken }, command)).toMatchObject({ code: 0, stderr: '' });
    }
    const path = await secretFile('token', `${accessToken}\n`);
    expect(await cli({ FEDCTL_TOKEN_FILE: path }, 'ls')).toMatchObject({ code: 0, stdout: has('running') });
    expect(fake.state.renewals).toBe(0);
    await expect(stat(join(project.dir, '.flwr'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('go before a stored login; login and auth ls say so', async () => {
    await project.cli('login');
    const env = { FEDCTL_TOKEN: 'not-a-good-one' };
    expect(await cli(env, 'ls')).toMatchObject({ code: 3, stderr: has('FEDCTL_TOKEN is set') });
    expect(await cli(env, 'login')).toMatchObject({
      code: 0,
      stdout: has('already'),
      stderr: has('FEDCTL_TOKEN is set'),
    });
    expect(await cli(env, 'auth', 'ls')).toMatchObject({
      code: 0,
      stdout: has('alice'),
      stderr: has('FEDCTL_TOKEN is set'),
    });
  });

  test('expired: exit code 3 and the name of the variable; the token is in no output', async () => {
    const { accessToken } = issue(fake.state);
    fake.state.expiredTokens.add(accessToken);
    for (const args of [['ls'], ['ls', '--json'], ['whoami', '--verbose']]) {
      const { code, stdout, stderr } = await cli({ FEDCTL_TOKEN: accessToken }, ...args);
      expect([code, stdout + stderr]).toEqual([3, has('FEDCTL_TOKEN')]);
      expect(stdout + stderr).not.toContain(accessToken.slice(0, 40));
    }
    expect(fake.state.renewals).toBe(0);
  });

  test('both, or what is no token, or a file that others can write, is refused before anything is sent', async () => {
    const path = await secretFile('token', 'secret-word', 0o666);
    const refused = (env: NodeJS.ProcessEnv, reason: string) =>
      expect(cli(env, 'ls', '--json')).resolves.toMatchObject({ code: 1, stdout: has(`"code":"${reason}"`) });
    await refused({ FEDCTL_TOKEN: 'secret-word', FEDCTL_TOKEN_FILE: path }, 'TOKEN_VARIABLE_INVALID');
    await refused({ FEDCTL_TOKEN: 'two secret-words' }, 'TOKEN_VARIABLE_INVALID');
    await refused({ FEDCTL_TOKEN_FILE: path }, 'SECRET_FILE_UNSAFE');
    await refused({ FEDCTL_TOKEN_FILE: join(project.dir, 'none') }, 'SECRET_UNREADABLE');
    expect(fake.state.requests).toEqual([]);
  });

  test('T-20: are not sent where the connection has no TLS', async () => {
    await project.connect([`address = "${fake.address}"`, 'insecure = true']);
    const { stdout, stderr } = await cli({ FEDCTL_TOKEN: 'secret-word' }, 'ls');
    expect(stdout + stderr).not.toContain('secret-word');
    expect(fake.state.requests).toEqual([]);
  });

  test('T-04: no program that fedctl starts gets one', async () => {
    const bin = join(project.dir, 'bin');
    await mkdir(bin);
    await mkdir(join(project.dir, '.git'));
    for (const name of ['git', 'browser']) {
      await writeFile(
        join(bin, name),
        `#!/bin/sh\nenv >> '${project.dir}/${name}.env'\necho not a git repository >&2\nexit 128\n`,
        { mode: 0o755 },
      );
    }
    const ours = { FEDCTL_TOKEN: 'secret-word', FEDCTL_PASSPHRASE_FILE: '/secret-place', FEDCTL_STORAGE: 'file' };
    const env = { ...ours, PATH: `${bin}:${process.env.PATH}`, BROWSER: join(bin, 'browser') };
    await cli(env, 'login', '--launch-browser=true', '--grant', 'device_code');
    for (const name of ['git.env', 'browser.env']) {
      const seen = await readFile(join(project.dir, name), 'utf8');
      expect(seen).toContain('PATH=');
      expect(seen).not.toMatch(/FEDCTL_|secret-/);
    }
  });
});

describe('--storage', () => {
  test('encrypted: by a passphrase file; without it exit code 3 and the way on; a wrong one is told', async () => {
    const FEDCTL_PASSPHRASE_FILE = await secretFile('passphrase', 'correct horse\n');
    expect(await cli({ FEDCTL_PASSPHRASE_FILE }, 'login', '--storage', 'encrypted')).toMatchObject({ code: 0 });
    expect(await textOf()).toContain('fedctl-sealed');
    expect(await cli({ FEDCTL_PASSPHRASE_FILE }, 'ls')).toMatchObject({ code: 0, stdout: has('running') });
    const alone = await cli({}, 'ls');
    expect(alone).toMatchObject({ code: 3, stderr: has('FEDCTL_PASSPHRASE_FILE') });
    expect(alone.stderr).toContain('fedctl agent');
    await writeFile(FEDCTL_PASSPHRASE_FILE, 'wrong horse\n');
    const wrong = await cli({ FEDCTL_PASSPHRASE_FILE }, 'ls', '--json');
    expect(wrong).toMatchObject({ code: 3, stdout: has('PASSPHRASE_WRONG') });
    expect(wrong.stdout).not.toContain('horse');
    expect((await cli({}, 'config', 'ls')).code).toBe(0);
  });

  test('keyring, where none is: a sentence, and the file', async () => {
    const { code, stderr } = await cli(
      { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' },
      'login',
      '--storage',
      'keyring',
    );
    expect([code, stderr]).toEqual([0, has('no keyring on this computer')]);
    expect(await textOf()).toContain('flwr-oidc-access-token');
  });

  test('none, without an agent: a person is not sent to log in for nothing', async () => {
    const { code, stdout } = await cli({}, 'login', '--storage', 'none', '--grant', 'device_code', '--json');
    expect([code, stdout]).toEqual([1, has('STORAGE_NONE_NEEDS_AGENT')]);
    expect(fake.state.starts).toEqual([]);
  });

  test('none, with an agent that is gone: neither', async () => {
    const env = { FEDCTL_AGENT_SOCK: join(project.dir, 'gone/agent.sock') };
    const { code, stdout } = await cli(env, 'login', '--storage', 'none', '--grant', 'device_code', '--json');
    expect([code, stdout]).toEqual([6, has('AGENT_UNREACHABLE')]);
    expect(fake.state.starts).toEqual([]);
  });

  test('a login that stands is kept the other way, without logging in anew', async () => {
    await project.cli('login');
    const FEDCTL_PASSPHRASE_FILE = await secretFile('passphrase', 'correct horse\n');
    expect(await cli({ FEDCTL_PASSPHRASE_FILE }, 'login', '--storage', 'encrypted')).toMatchObject({
      stdout: has('already. The login is kept in an encrypted file now.\n'),
    });
    expect(await textOf()).toContain('fedctl-sealed');
    const DBUS_SESSION_BUS_ADDRESS = 'unix:path=/nowhere';
    const env = { FEDCTL_PASSPHRASE_FILE, DBUS_SESSION_BUS_ADDRESS };
    const kept = await cli(env, 'login', '--storage', 'keyring');
    expect(kept).toMatchObject({ code: 0, stdout: has('--force'), stderr: has('stays as it is kept: encrypted') });
    expect(kept.stderr).not.toContain('the login is kept');
    const json = await cli({ FEDCTL_PASSPHRASE_FILE }, 'login', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ already: true, storage: 'encrypted' });
    expect(await cli({ FEDCTL_PASSPHRASE_FILE }, 'login', '--storage', 'file')).toMatchObject({
      stdout: has('kept in a private file now'),
    });
    expect(await textOf()).toContain('flwr-oidc-access-token');
    expect(fake.state.pollCount).toBe(1);
    expect((await project.cli('ls')).code).toBe(0);
  });

  test('what is not typed comes from the environment, the project, the user, in this order; what was typed stays', async () => {
    const { connection } = await resolveTarget({ positionals: [], cwd: project.dir, env: { HOME: project.dir } });
    const options = { path: connection.credentialsPath, origin: connection.address, caPin: 'system' };
    const chosen = async (variable = '', typed?: string) => {
      const context = { env: { HOME: project.dir, FEDCTL_STORAGE: variable }, note: () => {} };
      const { kind, isChosen } = await chooseStorage(context, { connection, options, typed });
      return isChosen ? `${kind}, asked for` : kind;
    };
    expect(await chosen()).toBe('file');
    await mkdir(join(project.dir, '.flwr'), { mode: 0o700 });
    await writeFile(join(project.dir, '.flwr/fedctl.toml'), 'credential-storage = "encrypted"\n');
    expect(await chosen()).toBe('encrypted');
    const pyproject = join(project.dir, 'pyproject.toml');
    await writeFile(pyproject, `${await readFile(pyproject, 'utf8')}\n[tool.fedctl]\ncredential-storage = "none"\n`);
    expect(await chosen()).toBe('none');
    expect(await chosen('encrypted')).toBe('encrypted');
    expect(await chosen('encrypted', 'file')).toBe('file, asked for');
    const storage = { kind: 'file', isChosen: true } as const;
    await openCredentials({ ...options, storage }).write(tokensOf('a'));
    expect(await chosen('encrypted')).toBe('file, asked for');
    // Kept by the renewals, and by logins that ask for nothing.
    await openCredentials(options).renew({ usable: () => false, renew: async () => tokensOf('b') });
    expect(await chosen('encrypted')).toBe('file, asked for');
    await expect(chosen('', 'cloud')).rejects.toMatchObject({ reason: 'STORAGE_INVALID' });
  });
});

describe('several accounts', () => {
  const account = async (name: string) => {
    [fake.state.account, fake.state.sessionId] = [name, `session-${name}`];
    const { code, stdout } = await project.cli('login', '--grant', 'device_code', '--account', name);
    expect([code, stdout]).toEqual([0, has(`as ${name}`)]);
  };
  interface Listed {
    readonly accounts: readonly { account: string; active: boolean; storage: string }[];
  }
  const listed = async (...args: string[]) => {
    const { stdout } = await project.cli('auth', 'ls', '--json', ...args);
    expect(stdout).not.toMatch(/e[yJ3][A-Za-z0-9_-]+\.[A-Za-z0-9_-]{20,}/);
    return (JSON.parse(stdout) as Listed).accounts;
  };

  test('login --account, auth ls, auth switch, logout --account', async () => {
    await account('alice');
    await account('bob');
    expect(fake.state.starts.map(({ prompt }) => prompt)).toEqual(['', 'login']);
    expect(await listed()).toMatchObject([
      { account: 'bob', active: true, connection: 'lab', server: fake.address, storage: 'file', usable: true },
      { account: 'alice', active: false, grant: 'device_code' },
    ]);
    expect((await project.cli('auth', 'ls')).stdout).toMatch(/\*\s+bob\s+lab/);
    expect(await project.cli('auth', 'switch', 'alice')).toMatchObject({
      code: 0,
      stdout: has('now uses the login of alice'),
    });
    expect((await project.cli('ls')).code).toBe(0);
    [fake.state.account, fake.state.sessionId] = ['bob', 'session-bob'];
    expect(await project.cli('login', '--account', 'bob')).toMatchObject({ stdout: has('"lab" uses this login now.') });
    expect(await project.cli('login', '--account', 'bob')).toMatchObject({ stdout: has('--force logs in anew') });
    await project.cli('auth', 'switch', 'alice');
    expect(await project.cli('auth', 'switch', 'carol')).toMatchObject({ code: 5, stderr: has('fedctl auth ls') });
    expect(await project.cli('logout', '--account', 'bob')).toMatchObject({ code: 0, stderr: has('Still logged in') });
    expect(fake.state.logouts).toBe(1);
    expect(await listed()).toMatchObject([{ account: 'alice', active: true }]);
  });

  test('RV-01: logout --all goes on past what fails, and tells of each', async () => {
    await account('alice');
    await account('bob');
    await writeFile(join(folder(), 'lab~alice.json'), '{"authn-type": "oi');
    const { code, stdout } = await project.cli('logout', '--all');
    expect([code, stdout]).toEqual([1, has(`Logged out of ${fake.address} as bob.`)]);
    expect(stdout).toContain('Not logged out ("lab", alice)');
    expect(fake.state.logouts).toBe(1);
    expect((await readdir(folder())).filter((name) => name === 'lab~alice.json')).toHaveLength(1);
    expect(await project.cli('logout', '--all', '--local')).toMatchObject({ code: 0 });
    expect((await project.cli('logout', '--all')).stdout).toBe('You are not logged in anywhere.\n');
  });

  test('logout --provider opens the page of the identity provider; without it nobody is told in a script', async () => {
    fake.state.endSessionUrl = 'https://idp.example/logout?hint=1';
    await project.cli('login');
    const quiet = await project.cli('logout', '--json');
    // It holds an ID token, which is nothing for the log of a script that did not ask.
    expect(JSON.parse(quiet.stdout)).toMatchObject({ 'end-session-url': null });
    expect(quiet.stderr).toBe('');
    await project.cli('login');
    const asked = await project.cli('logout', '--provider', '--json');
    expect(JSON.parse(asked.stdout)).toMatchObject({ 'end-session-url': fake.state.endSessionUrl });
    await project.cli('login');
    expect(await project.cli('logout', '--provider')).toMatchObject({ code: 0, stderr: has(fake.state.endSessionUrl) });
    fake.state.endSessionUrl = 'javascript:alert(1)';
    await project.cli('login');
    const refused = await project.cli('logout', '--provider');
    expect(refused).toMatchObject({ code: 0, stderr: has('no page') });
    expect(refused.stderr).not.toContain('javascript');
  });
});
