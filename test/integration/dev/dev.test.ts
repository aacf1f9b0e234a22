import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findFreeBase } from '../../../src/dev/ports.ts';
import { portAnswers } from '../../../src/dev/readiness.ts';
import type { StackFacts } from '../../../src/dev/stack.ts';
import { BIN, childrenOf, exitOf, groupLives, spawnDev, startDevStack } from '../../support/dev-stack.ts';
import { until } from '../../support/until.ts';

describe('fedctl dev', () => {
  let state: string;
  let portBase: number;
  let started: ChildProcess[];

  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), 'fedctl-dev-'));
    portBase = await findFreeBase();
    started = [];
  });

  afterEach(async () => {
    for (const child of started) child.kill('SIGKILL');
    await until(() => !alive(childrenOf(state)));
    rmSync(state, { recursive: true });
  });

  async function start(more: { env?: NodeJS.ProcessEnv } = {}) {
    const stack = await startDevStack({ state, portBase, engine: 'none', ...more });
    started.push(stack.child);
    return stack;
  }

  function spawnFailing(args: readonly string[], env?: NodeJS.ProcessEnv) {
    const child = spawnDev(['--state', state, '--engine', 'none', ...args], env);
    started.push(child);
    return child;
  }

  test('prints one line with what design.md names, and ends by SIGTERM with nothing left running', async () => {
    const child = spawnFailing(['--ports', String(portBase), '--json']);
    const printed = child.stdout ? text(child.stdout) : Promise.resolve('');
    await until(() => child.progress().includes('Ready'), 60_000);
    const children = childrenOf(state);
    expect(children.map(({ name }) => name)).toEqual(['openfga']);
    child.kill('SIGTERM');
    expect(await exitOf(child)).toBe(0);
    await until(() => !alive(children));

    const lines = (await printed).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const facts = JSON.parse(lines[0] ?? '') as StackFacts;
    expect(facts).toEqual({
      address: `127.0.0.1:${portBase}`,
      ca: join(state, 'tls/ca.pem'),
      https: `https://127.0.0.1:${portBase + 1}`,
      issuer: `http://127.0.0.1:${portBase + 2}`,
      openfga: { url: `http://127.0.0.1:${portBase + 3}`, store: expect.any(String), model: expect.any(String) },
      engine: null,
      accounts: ['alice', 'bob', 'carol', 'admin'].map((name) => ({ name, password: expect.any(String) })),
      pid: child.pid,
      state,
    });
  }, 90_000);

  test('a restart on the same state keeps accounts, grants and sessions', async () => {
    const first = await start();
    const home = homeOf(state, first.facts);
    await logIn(first, home, 'bob');
    expect(await first.stop()).toBe(0);

    const second = await start();
    expect(second.facts).toEqual({ ...first.facts, pid: second.child.pid });
    expect((await cli(['whoami'], home)).output).toContain('user:dev|bob');
    expect((await cli(['can', 'run', 'federation:@dev/default'], home)).code).toBe(0);
    expect(await second.stop()).toBe(0);
  }, 120_000);

  test('SIGKILL leaves nothing running, and the next start finds everything in order', async () => {
    const first = await start();
    const children = childrenOf(state);
    first.child.kill('SIGKILL');
    await until(() => !alive(children), 15_000);
    const second = await start();
    expect(second.facts.accounts).toEqual(first.facts.accounts);
    await second.stop();
  }, 120_000);

  test('ends when the program that started it ends, though standard input stays open', async () => {
    const args = JSON.stringify([
      BIN,
      'dev',
      '--state',
      state,
      '--ports',
      String(portBase),
      '--engine',
      'none',
      '--json',
    ]);
    const script = `require('node:child_process').spawn(process.execPath, ${args}, { stdio: ['ignore', 'inherit', 'inherit'] })`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const { pid } = JSON.parse(line.toString()) as StackFacts;
    const children = childrenOf(state);
    parent.kill('SIGKILL');
    await until(() => !lives(pid) && !alive(children), 15_000);
  }, 90_000);

  test('ends when its standard input does, where that is a pipe', async () => {
    const stack = await start();
    stack.child.stdin?.end();
    expect(await exitOf(stack.child)).toBe(0);
  }, 90_000);

  test('says which part has ended by itself, and ends the others', async () => {
    const stack = await start();
    const [openfga] = childrenOf(state);
    process.kill(-(openfga?.pid ?? 0), 'SIGKILL');
    expect(await exitOf(stack.child)).toBe(6);
    expect(await connects(stack.facts.address)).toBe(false);
  }, 90_000);

  test('a second one on the same state is refused in one sentence, and the first goes on', async () => {
    const stack = await start();
    const second = spawnFailing(['--ports', String(await findFreeBase())]);
    expect(await exitOf(second)).toBe(1);
    expect(second.progress()).toContain(`Error: Another fedctl dev (process ${stack.facts.pid}) runs on ${state}.`);
    expect(await connects(stack.facts.address)).toBe(true);
    await stack.stop();
  }, 90_000);

  test('a busy port is one sentence that names the port and the flag', async () => {
    const server = createServer().listen(portBase + 2, '127.0.0.1');
    await once(server, 'listening');
    try {
      const child = spawnFailing(['--ports', String(portBase)]);
      expect(await exitOf(child)).toBe(1);
      expect(child.progress()).toMatch(
        new RegExp(`^Error: Port ${portBase + 2} on 127\\.0\\.0\\.1 is in use by another program\\.\n.*--ports.*\n$`),
      );
    } finally {
      server.close();
    }
  }, 60_000);

  test('a missing tool is one sentence with the choices, and nothing is left running', async () => {
    const child = spawnFailing(['--ports', String(portBase)], { FEDCTL_OPENFGA: join(state, 'none') });
    expect(await exitOf(child)).toBe(1);
    expect(child.progress()).toContain(`Error: There is no OpenFGA program at ${join(state, 'none')}.\nFEDCTL_OPENFGA`);
    expect(await connects(`127.0.0.1:${portBase + 2}`)).toBe(false);
  }, 60_000);

  test('everything but the control plane can be had, with a config file for one', async () => {
    const stack = await startDevStack({ state, portBase, engine: 'none', controlPlane: false });
    started.push(stack.child);
    expect(await connects(stack.facts.address)).toBe(false);
    expect(readFileSync(join(state, 'server.toml'), 'utf8')).toContain(`grpc-address = "${stack.facts.address}"`);
    await stack.stop();
  }, 90_000);
});

/** A FLWR_HOME whose default connection is the stack. */
function homeOf(state: string, facts: StackFacts): NodeJS.ProcessEnv {
  const home = join(state, 'home');
  mkdirSync(home, { mode: 0o700 });
  const table = `[superlink]\ndefault = "dev"\n[superlink.dev]\naddress = "${facts.address}"\nroot-certificates = "${facts.ca}"\n`;
  writeFileSync(join(home, 'config.toml'), table);
  return { ...process.env, FLWR_HOME: home };
}

async function logIn(
  stack: Awaited<ReturnType<typeof startDevStack>>,
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<void> {
  let approval: Promise<void> | undefined;
  const done = await cli(['login', '--no-launch-browser'], env, (output) => {
    const url = /fedctl-login: url=(\S+)/.exec(output)?.[1];
    if (url) approval ??= stack.approve(url, name);
  });
  await approval;
  expect(done.code).toBe(0);
}

async function cli(args: readonly string[], env: NodeJS.ProcessEnv, watch: (output: string) => void = () => {}) {
  const child = spawn(process.execPath, [BIN, ...args], { env, cwd: env.FLWR_HOME, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
      watch(output);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

function alive(children: readonly { pid: number }[]): boolean {
  return children.some(({ pid }) => groupLives(pid));
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function connects(address: string): Promise<boolean> {
  return portAnswers(Number(address.split(':')[1]));
}
