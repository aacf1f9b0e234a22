import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreignEnvironment } from '../core/child-env.ts';
import { AppError } from '../core/errors.ts';
import { endGroup, type Ledger } from './ledger.ts';
import { identify } from './process-identity.ts';

export interface ProcessSpec {
  /** Short name: of the log file, and in what people read. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Folder for `NAME.log`. */
  readonly logs: string;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs?: number;
  readonly ledger: Ledger;
}

/** A child in a process group of its own, which ends with us however we end (supervise.ts). */
export interface ChildProcess {
  readonly name: string;
  /** Leader and number of its group. */
  readonly pid: number;
  readonly logFile: string;
  /** Size of the log when this start began: what follows is of this start. */
  readonly logStart: number;
  /** Resolves when it is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** Ends the group, by SIGTERM and then by SIGKILL; resolves when it is gone. */
  stop(): Promise<void>;
}

const MAX_LOG_BYTES = 8 * 1024 * 1024;
const SUPERVISOR = new URL(`./supervise${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Starts `spec.command`. @throws UNAVAILABLE DEV_PROCESS_FAILED where even the supervisor can't be started */
export async function startProcess(spec: ProcessSpec): Promise<ChildProcess> {
  const logFile = join(spec.logs, `${spec.name}.log`);
  const log = openLog(logFile);
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(SUPERVISOR),
      String(spec.graceMs ?? 5000),
      spec.command,
      ...spec.args,
    ],
    {
      cwd: spec.cwd,
      env: { ...foreignEnvironment(process.env), ...spec.env },
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    },
  );
  closeSync(log.fd);
  await once(child, 'spawn').catch((error) => {
    throw new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', `${spec.name} can't be started.`, { cause: error });
  });
  const pid = child.pid as number;
  const entry = { name: spec.name, ...(identify(pid) ?? { pid, started: '' }) };
  spec.ledger.add(entry);
  // Our end of the pipe may break first when the supervisor ends; that is no news.
  child.stdin?.on('error', () => {});
  const exited = once(child, 'exit').then(async () => {
    // Where only the supervisor was killed, its group lives on without it.
    await endGroup(pid);
    spec.ledger.remove(entry);
  });
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await exited;
  };
  return { name: spec.name, pid, logFile, logStart: log.size, exited, stop };
}

function openLog(file: string): { fd: number; size: number } {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
  const fd = openSync(file, 'a', 0o600);
  return { fd, size: statSync(file).size };
}
