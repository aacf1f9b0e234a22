import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AppError } from '../core/errors.ts';

const PROCESS = new URL(`./process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** What an agent needs of the environment: where its socket goes. No variable of ours, and nothing that steers Node. */
const PASSED = ['XDG_RUNTIME_DIR', 'TMPDIR', 'HOME', 'PATH'];
/** glibc, then macOS: memory is overwritten when it is freed, also that of Node's read buffers, which nobody else can wipe. */
const WIPING = { GLIBC_TUNABLES: 'glibc.malloc.perturb=165:glibc.malloc.tcache_count=0', MallocScribble: '1' };
/** No debugger by signal: it would listen on a TCP port of this machine. */
const NO_DEBUGGER = '--disable-sigusr1';
/** Node itself can't forbid core dumps. */
const WITHOUT_CORES = 'ulimit -c 0; exec "$0" "$@"';

export interface LaunchOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Of what is put into the agent without a lifetime, in ms. */
  readonly lifetimeMs: number | undefined;
  /** It ends when this process does. Otherwise it lives on by itself. */
  readonly isTied: boolean;
}

export interface LaunchedAgent {
  readonly socket: string;
  readonly pid: number;
  readonly child: ChildProcess;
}

/** Starts an agent as a process of its own and waits until it listens. @throws FAILED_PRECONDITION AGENT_NOT_STARTED */
export async function launchAgent({ env, lifetimeMs, isTied }: LaunchOptions): Promise<LaunchedAgent> {
  const flags = process.allowedNodeEnvironmentFlags.has(NO_DEBUGGER) ? [NO_DEBUGGER] : [];
  const args = [fileURLToPath(PROCESS), isTied ? 'tied' : 'free', String(lifetimeMs ?? '')];
  const child = spawn('/bin/sh', ['-c', WITHOUT_CORES, process.execPath, ...flags, ...args], {
    cwd: '/',
    detached: !isTied,
    env: { ...Object.fromEntries(PASSED.map((name) => [name, env[name]])), ...WIPING },
    stdio: [isTied ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const facts = await readFacts(child);
  if (!isTied) {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }
  return { ...facts, child };
}

async function readFacts(child: ChildProcess): Promise<{ socket: string; pid: number }> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const started = new Promise<string>((resolve, reject) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('close', () => reject(new Error(said)));
  });
  try {
    return JSON.parse(await started) as { socket: string; pid: number };
  } catch (cause) {
    throw new AppError('FAILED_PRECONDITION', 'AGENT_NOT_STARTED', 'The agent could not be started.', {
      hint: 'The folder for its socket must be yours and writable: set XDG_RUNTIME_DIR or TMPDIR.',
      cause,
    });
  }
}
