import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFgaPath } from './tools.ts';

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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Certificate of the server and the CA that clients need for it: paths of PEM files. */
export interface TestOpenFgaTls {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

async function askHealth(url: string, tls: TestOpenFgaTls | undefined): Promise<string> {
  const options = { timeout: 2000, ...(tls === undefined ? {} : { ca: readFileSync(tls.ca) }) };
  const request = (tls === undefined ? http : https).get(`${url}/healthz`, options);
  request.on('timeout', () => request.destroy(new Error('timeout')));
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  return (await answer.setEncoding('utf8').toArray()).join('');
}

function tlsFlags(tls: TestOpenFgaTls | undefined): string[] {
  if (tls === undefined) return [];
  const one = (name: string) => [
    `--${name}-tls-enabled`,
    `--${name}-tls-cert`,
    tls.certificate,
    `--${name}-tls-key`,
    tls.key,
  ];
  return [...one('http'), ...one('grpc')];
}

async function healthy(url: string, child: ChildProcess, tls: TestOpenFgaTls | undefined): Promise<void> {
  const end = Date.now() + READY_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`OpenFGA ended with ${child.exitCode}`);
    if ((await askHealth(url, tls).catch(() => '')).includes('SERVING')) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('OpenFGA did not become ready');
}

/** Starts OpenFGA; `flags` are further arguments of `openfga run`. */
export async function startOpenFga(
  options: { flags?: readonly string[]; tls?: TestOpenFgaTls } = {},
): Promise<TestOpenFga> {
  const { flags = [], tls } = options;
  const binary = await openFgaPath();
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-openfga-'));
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${httpPort}`;
  const datastore = ['--datastore-engine', 'sqlite', '--datastore-uri', `file:${join(folder, 'fga.db')}`];
  const addresses = ['--http-addr', `127.0.0.1:${httpPort}`, '--grpc-addr', `127.0.0.1:${grpcPort}`];
  const quiet = ['--playground-enabled=false', '--metrics-enabled=false', '--log-level', 'error'];
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    await promisify(execFile)(binary, ['migrate', ...datastore]);
    child = spawn(binary, ['run', ...datastore, ...addresses, ...quiet, ...tlsFlags(tls), ...flags], {
      stdio: 'ignore',
    });
    await healthy(url, child, tls);
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
