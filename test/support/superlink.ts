import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './openfga.ts';

/** A real SuperLink with SuperNodes on loopback, in a folder of its own. */
export interface TestSuperLink {
  /** `host:port` of the Control API. */
  readonly address: string;
  readonly folder: string;
  /** Kills the SuperLink alone, as a crash does; its nodes go on. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and state. */
  start(): Promise<void>;
  /** Deletes its state; only while it is killed. */
  wipe(): void;
  /** What all processes have printed. */
  output(): string;
  /** Ends every process with its children, and deletes the folder. */
  close(): Promise<void>;
}

const READY_MS = 60_000;
const SUPERVISOR = fileURLToPath(new URL('../../src/dev/supervise.ts', import.meta.url));

export function flowerBin(): string {
  const venv = process.env.FEDCTL_FLOWER ?? join(homedir(), '.cache', 'fedctl', 'flower', '1.32.1');
  return join(venv, 'bin');
}

export async function startSuperLink({ nodes = 2 }: { nodes?: number } = {}): Promise<TestSuperLink> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-superlink-'));
  const ports = { app: await freePort(), fleet: await freePort(), control: await freePort() };
  const address = `127.0.0.1:${ports.control}`;
  const start = () => startLink(folder, ports);
  let link = await start();
  const supernodes: ChildProcess[] = [];
  for (let index = 0; index < nodes; index += 1)
    supernodes.push(startNode(folder, ports.fleet, await freePort(), index, nodes));
  return {
    address,
    folder,
    async kill() {
      await killGroup(link);
      // The supervisor may be gone a moment before the SuperLink and its sockets are.
      while (await accepts(ports.control)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async start() {
      link = await start();
    },
    wipe() {
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `state.db${suffix}`), { force: true });
    },
    output: () => readFileSync(join(folder, 'output.log'), 'utf8'),
    async close() {
      await Promise.all([link, ...supernodes].map(killGroup));
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

type Ports = { readonly app: number; readonly fleet: number; readonly control: number };

async function startLink(folder: string, ports: Ports): Promise<ChildProcess> {
  const child = launch(folder, 'flower-superlink', [
    '--insecure',
    ...['--isolation', 'subprocess', '--database', join(folder, 'state.db')],
    '--disable-runtime-dependency-installation',
    ...['--serverappio-api-address', `127.0.0.1:${ports.app}`, '--fleet-api-address', `127.0.0.1:${ports.fleet}`],
    ...['--control-api-address', `127.0.0.1:${ports.control}`],
  ]);
  const end = Date.now() + READY_MS;
  while (!(await accepts(ports.control))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end)
      throw new Error(`SuperLink did not start: ${folder}/output.log`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return child;
}

function startNode(folder: string, fleet: number, port: number, index: number, count: number): ChildProcess {
  return launch(folder, 'flower-supernode', [
    '--insecure',
    ...['--superlink', `127.0.0.1:${fleet}`, '--clientappio-api-address', `127.0.0.1:${port}`],
    ...['--node-config', `partition-id=${index} num-partitions=${count}`, '--isolation', 'subprocess'],
  ]);
}

/**
 * In a process group of its own, which ends with this process however it ends: Flower's children outlive their parents
 * (facts section 8), and a test run may be killed.
 */
function launch(folder: string, program: string, args: readonly string[]): ChildProcess {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const output = openSync(join(folder, 'output.log'), 'a');
  return spawn(process.execPath, [SUPERVISOR, '3000', join(flowerBin(), program), ...args], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', output, output],
    env: {
      PATH: `${flowerBin()}:/usr/bin:/bin`,
      HOME: home,
      FLWR_HOME: join(home, '.flwr'),
      FLWR_TELEMETRY_ENABLED: '0',
      FLWR_DISABLE_UPDATE_CHECK: '1',
      FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION: '1',
      PYTHONUNBUFFERED: '1',
    },
  });
}

/** SIGKILL for the whole group: some clientapps ignore SIGTERM. */
async function killGroup(child: ChildProcess): Promise<void> {
  const ended = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit');
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
  await ended;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
