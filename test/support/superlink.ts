import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EngineLayout, type EngineRelease, parseEngine } from '../../src/dev/engine-release.ts';
import type { Ports } from '../../src/dev/ports.ts';
import { FLOWER_VERSION } from '../../src/dev/tools/flower.ts';
import { flowerVenv } from './flower-releases.ts';
import { freePort } from './openfga.ts';

/** A real SuperLink with SuperNodes on loopback, in a folder of its own. */
export interface TestSuperLink {
  /** `host:port` of the Control API. */
  readonly address: string;
  readonly folder: string;
  /** Kills the SuperLink alone, as a crash does, or asks it to end (SIGTERM); its nodes go on. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again on the same ports and state, or another release in its place. */
  start(release?: string): Promise<void>;
  /** One more SuperNode, which proves who it is with a private key as `ssh-keygen` writes it. */
  addNode(keyFile: string): Promise<void>;
  /** Deletes its state; only while it is killed. */
  wipe(): void;
  /** What all processes have printed. */
  output(): string;
  /** Ends every process with its children, and deletes the folder. */
  close(): Promise<void>;
}

export interface SuperLinkOptions {
  readonly nodes?: number;
  /** FEDCTL_FLOWER's, or the default release, if absent. */
  readonly release?: string;
  /** PEM files; the certificate is its own CA. Plaintext if absent. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Takes registered SuperNodes only; wants TLS. */
  readonly nodeAuth?: boolean;
}

const READY_MS = 90_000;
const SUPERVISOR = fileURLToPath(new URL('../../src/dev/supervise.ts', import.meta.url));

/** Where the programs of one release are, and how they are started. */
interface Programs {
  readonly bin: string;
  readonly layout: EngineLayout;
}

interface Site {
  readonly folder: string;
  readonly ports: Ports;
  readonly tls: SuperLinkOptions['tls'];
  readonly nodeAuth: boolean;
}

async function programsOf(release: string | undefined): Promise<Programs> {
  const { layout } = parseEngine(`flower@${release ?? FLOWER_VERSION}`) as EngineRelease;
  if (release !== undefined) return { bin: join(await flowerVenv(release), 'bin'), layout };
  const venv = process.env.FEDCTL_FLOWER ?? join(homedir(), '.cache', 'fedctl', 'flower', FLOWER_VERSION);
  return { bin: join(venv, 'bin'), layout };
}

export async function startSuperLink({
  nodes = 2,
  release,
  tls,
  nodeAuth = false,
}: SuperLinkOptions = {}): Promise<TestSuperLink> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-superlink-'));
  let programs = await programsOf(release);
  const engineControl = await freePort();
  const ports = { engineControl, engineFleet: await freePort(), engineServerApp: await freePort() } as Ports;
  const site = { folder, ports, tls, nodeAuth };
  let link = await startLink(site, programs);
  const supernodes: ChildProcess[] = [];
  for (let index = 0; index < nodes; index += 1)
    supernodes.push(startNode(site, programs, { port: await freePort(), index, count: nodes }));
  return {
    address: `127.0.0.1:${engineControl}`,
    folder,
    async kill(signal = 'SIGKILL') {
      await killGroup(link, signal);
      // The supervisor may be gone a moment before the SuperLink and its sockets are.
      while (await accepts(engineControl)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async start(other) {
      if (other !== undefined) programs = await programsOf(other);
      link = await startLink(site, programs);
    },
    async addNode(keyFile) {
      const port = await freePort();
      supernodes.push(startNode(site, programs, { port, index: supernodes.length, count: nodes, keyFile }));
    },
    wipe() {
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `state.db${suffix}`), { force: true });
    },
    output: () => readFileSync(join(folder, 'output.log'), 'utf8'),
    async close() {
      await Promise.all([link, ...supernodes].map((child) => killGroup(child, 'SIGKILL')));
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

async function startLink({ folder, ports, tls, nodeAuth }: Site, { bin, layout }: Programs): Promise<ChildProcess> {
  const security =
    tls === undefined
      ? ['--insecure']
      : ['--ssl-ca-certfile', tls.certFile, '--ssl-certfile', tls.certFile, '--ssl-keyfile', tls.keyFile];
  const child = launch(folder, bin, 'flower-superlink', [
    ...security,
    ...(nodeAuth ? ['--enable-supernode-auth'] : []),
    ...['--isolation', 'subprocess', '--database', join(folder, 'state.db')],
    ...layout.superlink(ports),
  ]);
  const end = Date.now() + READY_MS;
  while (!(await accepts(ports.engineControl))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end)
      throw new Error(`SuperLink did not start: ${folder}/output.log`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return child;
}

function startNode(
  { folder, ports, tls }: Site,
  { bin, layout }: Programs,
  { port, index, count, keyFile }: { port: number; index: number; count: number; keyFile?: string },
): ChildProcess {
  return launch(folder, bin, 'flower-supernode', [
    ...(tls === undefined ? ['--insecure'] : ['--root-certificates', tls.certFile]),
    ...['--superlink', `127.0.0.1:${ports[layout.nodePort]}`, ...layout.supernode(port)],
    ...(keyFile === undefined ? [] : ['--auth-supernode-private-key', keyFile]),
    ...['--node-config', `partition-id=${index} num-partitions=${count}`, '--isolation', 'subprocess'],
  ]);
}

/**
 * In a process group of its own, which ends with this process however it ends: Flower's children outlive their parents
 * (facts section 8), and a test run may be killed.
 */
function launch(folder: string, bin: string, program: string, args: readonly string[]): ChildProcess {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const output = openSync(join(folder, 'output.log'), 'a');
  return spawn(process.execPath, [SUPERVISOR, '3000', join(bin, program), ...args], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', output, output],
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      HOME: home,
      FLWR_HOME: join(home, '.flwr'),
      FLWR_TELEMETRY_ENABLED: '0',
      FLWR_DISABLE_UPDATE_CHECK: '1',
      FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION: '1',
      PYTHONUNBUFFERED: '1',
    },
  });
}

/** SIGKILL is for the whole group, as some clientapps ignore SIGTERM; SIGTERM is for the supervisor, who ends the group. */
async function killGroup(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const ended = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit');
  try {
    if (child.pid !== undefined) process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
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
