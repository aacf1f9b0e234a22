import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Ledger } from './ledger.ts';
import { type ChildProcess, startProcess } from './processes.ts';
import { waitUntilReady } from './readiness.ts';
import { runCommand } from './tools/command.ts';

/** Where one state folder keeps things, and who notes its processes. */
export interface Place {
  readonly state: string;
  readonly ledger: Ledger;
  /** Aborts the start. */
  readonly signal: AbortSignal;
}

export interface OpenFgaOptions {
  readonly binary: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly place: Place;
}

/** Starts OpenFGA on loopback, on a SQLite file in the state folder, and resolves when it serves. */
export async function startOpenFga(options: OpenFgaOptions): Promise<ChildProcess> {
  const { binary, httpPort, grpcPort, place } = options;
  const folder = join(place.state, 'openfga');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const datastore = ['--datastore-engine', 'sqlite', '--datastore-uri', `file:${join(folder, 'openfga.db')}`];
  await migrate(binary, datastore);
  const process = await startProcess({
    name: 'openfga',
    command: binary,
    args: [
      'run',
      ...datastore,
      ...['--http-addr', `127.0.0.1:${httpPort}`, '--grpc-addr', `127.0.0.1:${grpcPort}`],
      ...['--playground-enabled=false', '--metrics-enabled=false', '--log-level', 'warn'],
    ],
    cwd: folder,
    logs: join(place.state, 'logs'),
    ledger: place.ledger,
  });
  const health = new URL(`http://127.0.0.1:${httpPort}/healthz`);
  await waitUntilReady({
    process,
    what: 'OpenFGA',
    probe: () =>
      fetch(health).then(
        async (response) => (await response.text()).includes('SERVING'),
        () => false,
      ),
    timeoutMs: 30_000,
    signal: place.signal,
  }).catch(async (error) => {
    await process.stop();
    throw error;
  });
  return process;
}

async function migrate(binary: string, datastore: readonly string[]): Promise<void> {
  const result = await runCommand(binary, ['migrate', ...datastore]);
  if (result.ok) return;
  throw new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', "OpenFGA can't prepare its database.", {
    cause: result.output,
  });
}
