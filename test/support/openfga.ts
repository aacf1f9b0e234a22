import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A real OpenFGA on loopback, SQLite in a temp folder. */
export interface TestOpenFga {
  readonly url: string;
  /** Ends the process and keeps data and ports, for tests of outages. */
  stop(): Promise<void>;
  /** Starts it again on the same ports and data. */
  start(): Promise<void>;
  /** As `stop`, and puts the data aside: the next `start` finds an empty database. */
  wipe(): Promise<void>;
  /** As `stop`, and brings the data back that `wipe` put aside. */
  restore(): Promise<void>;
  /** SIGSTOP: connections are taken and nobody answers. `thaw` ends it. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

const READY_MS = 30_000;

export function openFgaBinary(): string {
  return process.env.FEDCTL_OPENFGA ?? join(homedir(), '.cache', 'fedctl', 'openfga', '1.22.1', 'openfga');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function healthy(url: string, child: ChildProcess): Promise<void> {
  const end = Date.now() + READY_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`OpenFGA ended with ${child.exitCode}`);
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    if (answer?.ok && ((await answer.json()) as { status?: string }).status === 'SERVING') return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('OpenFGA did not become ready');
}

/** Starts OpenFGA; `flags` are further arguments of `openfga run`. */
export async function startOpenFga({ flags = [] }: { flags?: readonly string[] } = {}): Promise<TestOpenFga> {
  const binary = openFgaBinary();
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-openfga-'));
  const [http, grpc] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${http}`;
  const datastore = ['--datastore-engine', 'sqlite', '--datastore-uri', `file:${join(folder, 'fga.db')}`];
  const addresses = ['--http-addr', `127.0.0.1:${http}`, '--grpc-addr', `127.0.0.1:${grpc}`];
  const quiet = ['--playground-enabled=false', '--metrics-enabled=false', '--log-level', 'error'];
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    await promisify(execFile)(binary, ['migrate', ...datastore]);
    child = spawn(binary, ['run', ...datastore, ...addresses, ...quiet, ...flags], { stdio: 'ignore' });
    await healthy(url, child);
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  const move = async (from: string, to: string): Promise<void> => {
    await stop();
    for (const end of ['', '-wal', '-shm']) {
      rmSync(join(folder, `${to}${end}`), { force: true });
      if (existsSync(join(folder, `${from}${end}`)))
        renameSync(join(folder, `${from}${end}`), join(folder, `${to}${end}`));
    }
  };
  await start();
  return {
    url,
    start,
    stop,
    wipe: () => move('fga.db', 'aside.db'),
    restore: () => move('aside.db', 'fga.db'),
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
