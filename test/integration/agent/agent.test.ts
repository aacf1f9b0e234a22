import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LaunchedAgent, launchAgent } from '../../../src/agent/launch.ts';
import { Secret } from '../../../src/core/secret.ts';
import { askAgent, openKeyAgent, putRequest } from '../../../src/credentials/agent-client.ts';
import { encodeFrame } from '../../../src/credentials/agent-protocol.ts';
import { until } from '../../support/until.ts';

const CANARY = 'canary-7f3a9c1e';
const LABEL = { file: '/home/a/.flwr/.credentials/lab.json', server: 'host:9093', account: 'alice' };

let base: string;
let env: NodeJS.ProcessEnv;
const started: LaunchedAgent[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'agent-test-'));
  chmodSync(base, 0o700);
  env = {
    XDG_RUNTIME_DIR: base,
    PATH: process.env.PATH,
    FEDCTL_TOKEN: CANARY,
    FEDCTL_PASSPHRASE: CANARY,
    NODE_OPTIONS: '--no-warnings',
  };
});
afterEach(async () => {
  for (const { pid } of started.splice(0)) {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
  }
  rmSync(base, { recursive: true, force: true });
});

async function start(lifetimeMs?: number): Promise<LaunchedAgent> {
  const agent = await launchAgent({ env, lifetimeMs, isTied: false });
  started.push(agent);
  return agent;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended; its parent has not looked yet.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => error.reason,
  );

describe('the process', () => {
  test('listens on a private socket in a private folder, without our variables, core dumps and a debugger', async () => {
    const { socket, pid } = await start();
    expect(lstatSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect([lstatSync(socket).isSocket(), lstatSync(socket).mode & 0o777]).toEqual([true, 0o600]);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/FEDCTL_|NODE_OPTIONS|canary/);
    expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max core file size +0 +0/);
    process.kill(pid, 'SIGUSR1');
    expect(await askAgent(socket, { op: 'list' })).toMatchObject({ pid, locked: false, entries: [] });
    expect(listeners(pid)).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s: it ends, and socket and folder go', async (signal) => {
    const { socket, pid } = await start();
    process.kill(pid, signal);
    await until(() => !isAlive(pid));
    expect([existsSync(dirname(socket)), readdirSync(base)]).toEqual([false, []]);
  });

  test('kill ends it; several live side by side; what a killed one left goes with the next start', async () => {
    const [one, two] = [await start(), await start()];
    expect(one.socket).not.toBe(two.socket);
    expect(await askAgent(one.socket, { op: 'kill' })).toMatchObject({ ok: true, pid: one.pid });
    await until(() => !isAlive(one.pid));
    process.kill(two.pid, 'SIGKILL');
    await until(() => !isAlive(two.pid));
    expect(existsSync(two.socket)).toBe(true);
    const three = await start();
    expect(readdirSync(base)).toEqual([basename(dirname(three.socket))]);
  });

  test('a tied one ends with whoever started it, even by SIGKILL', async () => {
    const launch = join(import.meta.dirname, '../../../src/agent/launch.ts');
    const code = `const { launchAgent } = await import(${JSON.stringify(launch)});
      const { socket, pid } = await launchAgent({ env: process.env, lifetimeMs: undefined, isTied: true });
      process.stdout.write(JSON.stringify({ socket, pid }) + '\\n');
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data))));
    const { socket, pid } = JSON.parse(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid));
    expect(existsSync(socket)).toBe(false);
  });
});

/** TCP ports on which a process listens. */
function listeners(pid: number): number {
  const inodes = new Set(
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => `socket:[${fields[9]}]`),
  );
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`))).length;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('what it holds', () => {
  test('keys and logins by id; listed without secrets; removed; forgotten in time', async () => {
    const { socket } = await start();
    const agent = openKeyAgent(socket);
    await agent.putKey('key 1', Buffer.alloc(32, 7), LABEL);
    await agent.putTokens('tokens 1', new Secret(CANARY), { ...LABEL, account: 'bob' });
    expect((await agent.key('key 1'))?.equals(Buffer.alloc(32, 7))).toBe(true);
    expect((await agent.tokens('tokens 1'))?.reveal()).toBe(CANARY);
    expect([await agent.key('key 2'), await agent.tokens('key 2')]).toEqual([undefined, undefined]);
    const list = await askAgent(socket, { op: 'list' });
    expect(list.entries).toEqual([
      { ...LABEL, id: 'key 1', kind: 'key' },
      { ...LABEL, id: 'tokens 1', kind: 'login', account: 'bob' },
    ]);
    expect(JSON.stringify(list)).not.toContain(CANARY);
    expect([await agent.removeTokens('tokens 1'), await agent.removeTokens('tokens 1')]).toEqual([true, false]);
    await askAgent(socket, putRequest('key 1', 'key', LABEL, 40), Buffer.from('x'));
    await until(async () => (await agent.key('key 1')) === undefined);
  });

  test('locked: nothing is given or taken; a key is asked for as if there were none', async () => {
    const { socket } = await start();
    const agent = openKeyAgent(socket);
    await agent.putKey('key 1', Buffer.from('k'), LABEL);
    await askAgent(socket, { op: 'lock' }, Buffer.from('pass'));
    expect(await agent.key('key 1')).toBeUndefined();
    await agent.putKey('key 2', Buffer.from('k'), LABEL);
    expect(await reasonOf(agent.tokens('tokens 1'))).toBe('AGENT_LOCKED');
    expect(await reasonOf(agent.putTokens('tokens 1', new Secret('t'), LABEL))).toBe('AGENT_LOCKED');
    expect(await askAgent(socket, { op: 'list' })).toMatchObject({ locked: true, entries: [] });
    const begun = performance.now();
    expect(await reasonOf(askAgent(socket, { op: 'unlock' }, Buffer.from('wrong')))).toBe('AGENT_PASSPHRASE_WRONG');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(250);
    await askAgent(socket, { op: 'unlock' }, Buffer.from('pass'));
    expect((await agent.key('key 1'))?.toString()).toBe('k');
    expect(await agent.key('key 2')).toBeUndefined();
  });

  test('secrets are nowhere in its memory once they are removed, or while it is locked', async () => {
    const { socket, pid } = await start();
    const agent = openKeyAgent(socket);
    await agent.putTokens('tokens 1', new Secret(CANARY), LABEL);
    expect(inMemory(pid, CANARY)).toBe(true);
    await askAgent(socket, { op: 'lock' }, Buffer.from('pass-of-the-lock'));
    expect([inMemory(pid, CANARY), inMemory(pid, 'pass-of-the-lock')]).toEqual([false, false]);
    await askAgent(socket, { op: 'unlock' }, Buffer.from('pass-of-the-lock'));
    expect(inMemory(pid, CANARY)).toBe(true);
    await agent.removeTokens('tokens 1');
    expect(inMemory(pid, CANARY)).toBe(false);
  });
});

/** Looks through all memory that a process of ours can write. */
function inMemory(pid: number, text: string): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw.. \S+ \S+ \S+ *(.*)$/.exec(line))
      .filter((match) => match !== null && !match[3]?.startsWith('[v'))
      .some((match) =>
        contains(memory, Number.parseInt(match?.[1] ?? '', 16), Number.parseInt(match?.[2] ?? '', 16), text),
      );
  } finally {
    closeSync(memory);
  }
}

const STEP = 16 * 1024 * 1024;

function contains(memory: number, from: number, to: number, text: string): boolean {
  const overlap = text.length;
  for (let at = from; at < to; at += STEP) {
    const piece = Buffer.alloc(Math.min(STEP + overlap, to - at));
    try {
      readSync(memory, piece, 0, piece.length, at);
    } catch {
      continue;
    }
    if (piece.includes(text)) return true;
  }
  return false;
}

describe('what is no client of ours', () => {
  let folder: string;
  let agent: LaunchedAgent;
  let socket: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'agent-test-'));
    agent = await launchAgent({ env: { TMPDIR: folder }, lifetimeMs: undefined, isTied: false });
    ({ socket } = agent);
  });
  afterAll(async () => {
    process.kill(agent.pid);
    await until(() => !isAlive(agent.pid));
    rmSync(folder, { recursive: true });
  });

  /** Resolves when the agent has ended a connection that said `bytes` and no more. */
  function ended(bytes: Uint8Array): Promise<void> {
    const client = connect(socket);
    client.write(bytes);
    return new Promise((resolve) =>
      client
        .on('error', () => {})
        .once('close', () => resolve())
        .resume(),
    );
  }

  test('rubbish, a frame that is too large, half a frame, nothing: the connection is ended in time', async () => {
    const begun = performance.now();
    const half = encodeFrame({ v: 1, op: 'list' }).subarray(0, 12);
    const said = [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(8, 0xff), half, Buffer.alloc(0)];
    await Promise.all(said.map(ended));
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(await askAgent(socket, { op: 'list' })).toMatchObject({ ok: true });
  });

  test.each([
    [{ v: 2, op: 'list' }, 'AGENT_VERSION'],
    [{ v: 1, op: 'toString' }, 'AGENT_REQUEST_INVALID'],
    [{ v: 1, op: 'get' }, 'AGENT_REQUEST_INVALID'],
    [{ v: 1, op: 'put', id: 'x', kind: 'file', ...LABEL }, 'AGENT_REQUEST_INVALID'],
    [{ v: 1, op: 'lifetime', lifetimeMs: -1 }, 'AGENT_REQUEST_INVALID'],
  ])('%j is refused with %s', async (header, reason) => {
    const client = connect(socket);
    client.write(encodeFrame(header, Buffer.from('p')));
    const answer = await new Promise<Buffer>((resolve) => client.once('data', resolve));
    client.destroy();
    expect(answer.toString('utf8', 8)).toContain(`"reason":"${reason}"`);
  });
});

describe('what a client asks nothing of', () => {
  test('a socket in a folder that others can enter, a link to one, another kind of file, a dead one', async () => {
    const { socket, pid } = await start();
    const folder = dirname(socket);
    chmodSync(folder, 0o755);
    expect(await reasonOf(askAgent(socket, { op: 'list' }))).toBe('AGENT_UNSAFE');
    chmodSync(folder, 0o700);
    chmodSync(socket, 0o666);
    expect(await reasonOf(askAgent(socket, { op: 'list' }))).toBe('AGENT_UNSAFE');
    chmodSync(socket, 0o600);
    const link = join(base, 'link');
    symlinkSync(folder, link);
    expect(await reasonOf(askAgent(join(link, basename(socket)), { op: 'list' }))).toBe('AGENT_UNSAFE');
    const inside = join(folder, 'other');
    symlinkSync(socket, inside);
    expect(await reasonOf(askAgent(inside, { op: 'list' }))).toBe('AGENT_UNSAFE');
    rmSync(inside);
    expect(await reasonOf(askAgent(join(base, 'none', 'agent.1'), { op: 'list' }))).toBe('AGENT_UNREACHABLE');
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    expect(await reasonOf(askAgent(socket, { op: 'list' }))).toBe('AGENT_UNREACHABLE');
  });

  test('a dead one is told in one line, once; keys are asked for as without it, logins that it held are not', async () => {
    const told: string[] = [];
    const agent = openKeyAgent(join(base, 'gone', 'agent.1'), (line) => told.push(line));
    expect(await agent.key('key 1')).toBeUndefined();
    await agent.putKey('key 1', Buffer.from('k'), LABEL);
    expect(await agent.removeKey('key 1')).toBe(false);
    expect(told).toEqual([`No agent answers at ${base}/gone/agent.1 (FEDCTL_AGENT_SOCK). Going on without it.`]);
    expect(await reasonOf(agent.tokens('tokens 1'))).toBe('AGENT_UNREACHABLE');
  });

  test('one that never answers keeps nobody longer than its deadline', async () => {
    const folder = join(base, 'mute');
    mkdirSync(folder, { mode: 0o700 });
    const socket = join(folder, 'agent.1');
    const mute = createServer(() => {}).listen(socket);
    await new Promise((resolve) => mute.once('listening', resolve));
    chmodSync(socket, 0o600);
    const begun = performance.now();
    expect(await reasonOf(askAgent(socket, { op: 'list' }))).toBe('AGENT_UNREACHABLE');
    expect(performance.now() - begun).toBeLessThan(15_000);
    mute.close();
  });

  test('a folder swapped for a link while clients connect: they end, none reaches the other socket', async () => {
    const { socket } = await start();
    const [folder, away] = [dirname(socket), join(base, 'away')];
    const strange = join(base, 'strange');
    mkdirSync(strange, { mode: 0o755 });
    let reached = 0;
    const trap = createServer(() => {
      reached += 1;
    }).listen(join(strange, basename(socket)));
    await new Promise((resolve) => trap.once('listening', resolve));
    for (let round = 0; round < 200; round += 1) {
      const asked = reasonOf(askAgent(socket, { op: 'list' }));
      renameSync(folder, away);
      symlinkSync(strange, folder);
      await asked;
      rmSync(folder);
      renameSync(away, folder);
    }
    expect(reached).toBe(0);
    trap.close();
  });
});
