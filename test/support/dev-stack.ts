import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { approveLogin } from '../../src/dev/approve.ts';
import { findFreeBase } from '../../src/dev/ports.ts';
import type { StackFacts } from '../../src/dev/stack.ts';

/** The compiled CLI, or another build of it. */
export const BIN = process.env.FEDCTL_TEST_BIN ?? resolve(import.meta.dirname, '../../dist/bin.js');

export interface DevStackOptions {
  /** Default: the real SuperLink with two SuperNodes. */
  readonly engine?: string;
  /** False: everything but the control plane; start it with `${facts.state}/server.toml`. */
  readonly controlPlane?: boolean;
  /** An existing state folder, for restarts; it is kept by `stop`. Default: a new one, which `stop` deletes. */
  readonly state?: string;
  readonly portBase?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export interface DevStack {
  readonly facts: StackFacts;
  readonly child: ChildProcess;
  /** What it has told on stderr. */
  readonly progress: () => string;
  /** Does what `account` would do in the browser at the address that `login` printed. */
  approve(url: string, account: string): Promise<void>;
  /** Refuses there. */
  refuse(url: string): Promise<void>;
  /** Exit code of the stack, after SIGTERM. */
  stop(): Promise<number | null>;
}

/** Starts the compiled `fedctl dev` on free ports and resolves when it is ready. @throws with its stderr when it ends before */
export async function startDevStack(options: DevStackOptions = {}): Promise<DevStack> {
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'fedctl-dev-'));
  const base = options.portBase ?? (await findFreeBase());
  const child = spawnDev(['--state', state, '--ports', String(base), '--json', ...flagsOf(options)], {
    ...options.env,
    // That one holds the default release.
    ...(options.engine?.startsWith('flower@') && { FEDCTL_FLOWER: undefined }),
  });
  const facts = await readFacts(child).catch((error) => {
    if (!options.state) rmSync(state, { recursive: true, force: true });
    throw error;
  });
  const ca = readFileSync(facts.ca, 'utf8');
  const account = (name: string) => {
    const found = facts.accounts.find((one) => one.name === name);
    if (!found) throw new Error(`There is no account ${name}.`);
    return found;
  };
  return {
    facts,
    child,
    progress: child.progress,
    approve: (url, name) => approveLogin({ url, account: account(name), ca }),
    refuse: (url) => approveLogin({ url, account: account('alice'), ca, refuse: true }),
    stop: async () => {
      child.kill('SIGTERM');
      const code = await exitOf(child);
      if (!options.state) rmSync(state, { recursive: true, force: true });
      return code;
    },
  };
}

/** `fedctl dev` with any arguments; standard input is a pipe that this process holds, so it ends with us. */
export function spawnDev(args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess & { progress: () => string } {
  const child = spawn(process.execPath, [BIN, 'dev', ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return Object.assign(child, { progress: () => stderr });
}

/** Exit code, once it has ended. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** Groups of the children that a state folder has on record. */
export function childrenOf(state: string): readonly { name: string; pid: number }[] {
  const file = join(state, 'processes.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { name: string; pid: number }[]) : [];
}

/** True while anything of a process group runs. */
export function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function flagsOf({ engine, controlPlane }: DevStackOptions): readonly string[] {
  return [...(engine ? ['--engine', engine] : []), ...(controlPlane === false ? ['--control-plane', 'none'] : [])];
}

async function readFacts(child: ChildProcess & { progress: () => string }): Promise<StackFacts> {
  if (!child.stdout) throw new Error('fedctl dev has no standard output.');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{"address"')) return JSON.parse(line) as StackFacts;
    child.kill('SIGTERM');
    throw new Error(`fedctl dev printed: ${line}\n${child.progress()}`);
  }
  throw new Error(`fedctl dev ended before it was ready:\n${child.progress()}`);
}
