import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Canary,
  findCanaries,
  runningPrograms,
  sinksOf,
  stackCanaries,
  tokenCanaries,
} from '../support/canaries.ts';
import { startCli } from '../support/cli.ts';
import { invitePeople, type Person } from '../support/people.ts';
import { sharedStack } from './stack/shared.ts';

/** All that libraries below us tell when they are asked to tell everything. */
const LOUD = { GRPC_TRACE: 'all', GRPC_VERBOSITY: 'DEBUG', NODE_DEBUG: 'http2,http,https,net,tls,fetch,undici' };
/** Made up, so that wherever they turn up it is from here. */
const CANARIES: readonly Canary[] = [
  { name: 'FEDCTL_TOKEN', text: 'canary-token-0b6c2f1e9d' },
  { name: 'client secret', text: 'canary-client-secret-5e1a7c' },
  { name: 'token of a CI job', text: 'eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOiJjaSJ9.Y2FuYXJ5LWNpLXNpZ25hdHVyZQ' },
  { name: 'password', text: 'canary-password-93d4b8' },
];

describe('SEC-01: secrets stay where they belong', () => {
  const stack = sharedStack();
  const people = invitePeople(stack, LOUD);
  const bob = people.person('bob');
  const browser = join(bob.home, 'browser.sh');
  const said: string[] = [];
  const canaries: Canary[] = [...CANARIES, ...stackCanaries(stack.state, stack.accounts)];

  beforeAll(() => {
    // A browser that writes down what it was given.
    writeFileSync(browser, `#!/bin/sh\nenv > ${bob.home}/browser.env\necho "$@" > ${bob.home}/browser.argv\n`);
    chmodSync(browser, 0o700);
  });
  afterAll(() => people.leave());

  /** Runs the CLI for bob, with `input` as a file that it is told of. */
  async function fedctl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number | null> {
    const all = { FLWR_HOME: bob.home, BROWSER: browser, FEDCTL_TIMEOUT: '20', ...LOUD, ...env };
    const { code, stdout, stderr } = await startCli(args, { cwd: bob.home, env: all }).ended;
    said.push(stdout, stderr);
    return code;
  }

  test('in what programs print with every trace on, in argv and environment, in files, logs, the database and metrics', async () => {
    const seen = new Map<string, Buffer>();
    const login = startCli(['login', '--grant', 'device_code', '--launch-browser=true'], {
      cwd: bob.home,
      env: { FLWR_HOME: bob.home, BROWSER: browser, FEDCTL_TIMEOUT: '20', ...LOUD },
    });
    await login.until('fedctl-login: url=');
    await bob.approve(/fedctl-login: url=(\S+)/.exec(login.err())?.[1] ?? '');
    const { code, stdout, stderr } = await login.ended;
    said.push(stdout, stderr);
    expect(code).toBe(0);
    canaries.push(...tokenCanaries('bob', bob.tokens()));

    const log = startCli(['ls', 'lab'], { cwd: bob.home, env: { FLWR_HOME: bob.home, ...LOUD } });
    await log.until('grpc');
    for (const mark of [bob.home, stack.state]) for (const sink of runningPrograms(mark)) seen.set(...sink);
    expect(seen.size).toBeGreaterThan(5);
    const listed = await log.ended;
    said.push(listed.stdout, listed.stderr);
    await fedctl(['doctor', '--json']);
    await wrongSecrets(bob);
    expect(await fedctl(['logout'])).toBe(0);

    const sinks = new Map([...sinksOf(stack.state), ...seen, ...filesOf(bob.home)]);
    sinks.set('output', Buffer.from(said.join('\n')));
    expect(said.join('\n')).toContain('server headers');
    expect(sinks.get('browser.argv')?.toString()).toContain('http');
    // What must be there is found: the search itself works.
    expect(findCanaries([{ name: 'address', text: stack.address }], sinks)).toContain('address in output');
    expect(findCanaries(canaries, sinks)).toEqual([]);
  }, 120_000);

  /** Secrets that are refused are secrets all the same: people mistype a little. */
  async function wrongSecrets(person: Person): Promise<void> {
    const [secretFile, tokenFile] = ['secret', 'token'].map((name) => join(person.home, `safe-${name}`)) as [
      string,
      string,
    ];
    writeFileSync(secretFile, CANARIES[1]?.text ?? '', { mode: 0o600 });
    writeFileSync(tokenFile, CANARIES[2]?.text ?? '', { mode: 0o600 });
    const ci = ['login', '--force', '--grant', 'ci', '--token-file', tokenFile];
    const machine = [
      'login',
      '--force',
      '--grant',
      'client_credentials',
      '--client-id',
      'x',
      '--authority',
      stack.issuer,
    ];
    const codes = await Promise.all([
      fedctl(['whoami'], { FEDCTL_TOKEN: CANARIES[0]?.text }),
      fedctl([...machine, '--client-secret-file', secretFile]),
      fedctl(ci),
    ]);
    expect(codes.filter((code) => code === 0)).toEqual([]);
    const password = startCli(['login', '--force', '--grant', 'password', '--username', 'bob', '--password-stdin'], {
      cwd: person.home,
      env: { FLWR_HOME: person.home, FEDCTL_TIMEOUT: '20', ...LOUD },
      input: `${CANARIES[3]?.text}\n`,
    });
    const { stdout, stderr } = await password.ended;
    said.push(stdout, stderr);
  }
});

/** Files of a home but for those that hold secrets by design: the login itself, and what this test put there. */
function filesOf(home: string): Map<string, Buffer> {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const sinks = paths.filter((path) => !/safe-|\.credentials\/lab\.json$|credentials\.yaml$/.test(path));
  return new Map(sinks.map((path) => [path.slice(home.length + 1), readFileSync(path)]));
}
