import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { invitePeople } from '../support/people.ts';
import { until } from '../support/until.ts';
import { sharedStack } from './stack/shared.ts';

const has = (text: string) => expect.stringContaining(text);

/** One person with two accounts at the same control plane, and a script that has a token of one of them. */
describe('several accounts of one connection', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [carol, bob] = [people.person('carol'), people.person('bob')];
  const script = mkdtempSync(join(tmpdir(), 'fedctl-script-'));
  let token = '';

  const whoami = async () => (await carol.json<{ account: string }>(['whoami'])).account;
  /** In a folder and a home without any login. */
  const inScript = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    runCli(args, { cwd: script, env: { FLWR_HOME: join(script, 'home'), ...env } });

  beforeAll(async () => {
    mkdirSync(join(script, 'home'), { mode: 0o700 });
    writeFileSync(join(script, 'home/config.toml'), readFileSync(join(carol.home, 'config.toml')));
    expect(await carol.login()).toMatchObject({ code: 0 });
  }, 60_000);

  afterAll(() => {
    people.leave();
    rmSync(script, { recursive: true, force: true });
  });

  test('bob logs in beside carol; each is who they are, and a switch changes who commands are', async () => {
    const login = carol.start('login', '--no-launch-browser', '--account', 'bob');
    await login.until('fedctl-login: url=');
    await bob.approve(/^fedctl-login: url=(\S+)/m.exec(login.err())?.[1] ?? '');
    expect(await login.ended).toMatchObject({ code: 0, stdout: has('as bob') });
    expect(await whoami()).toBe('bob');
    expect(await carol.fedctl('auth', 'switch', 'carol')).toMatchObject({ code: 0 });
    expect(await whoami()).toBe('carol');
    expect(await carol.fedctl('login', '--account', 'bob')).toMatchObject({ code: 0, stdout: has('already') });
    expect(await whoami()).toBe('bob');
    expect(await carol.fedctl('auth', 'ls')).toMatchObject({ code: 0, stdout: has('carol') });
  }, 60_000);

  test('FEDCTL_TOKEN is that account wherever it is set; nothing is stored there', async () => {
    token = (await carol.fedctl('token')).stdout.trim();
    const asked = await inScript({ FEDCTL_TOKEN: token }, 'whoami', '--json');
    expect(JSON.parse(asked.stdout)).toMatchObject({ account: 'bob' });
    const file = join(script, 'token');
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    expect(await inScript({ FEDCTL_TOKEN_FILE: file }, 'ls')).toMatchObject({ code: 0 });
    expect(readdirSync(join(script, 'home'))).toEqual(['config.toml']);
    expect(await inScript({}, 'ls')).toMatchObject({ code: 3 });
  }, 60_000);

  test('logout --all ends both sessions at the server', async () => {
    const { code, stdout } = await carol.fedctl('logout', '--all');
    expect([code, stdout]).toEqual([0, has('as bob')]);
    expect(stdout).toContain('as carol');
    expect(await carol.fedctl('whoami')).toMatchObject({ code: 3 });
    expect(
      readdirSync(join(carol.home, '.credentials')).filter((name) => /bob|^lab(\.meta)?\.json/.test(name)),
    ).toEqual([]);
    await until(async () => (await inScript({ FEDCTL_TOKEN: token }, 'ls')).code === 3, 10_000);
    expect((await inScript({ FEDCTL_TOKEN: token }, 'ls')).stderr).toContain('FEDCTL_TOKEN is set');
  }, 60_000);
});
