import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { endLeftovers, type Ledger, openLedger } from './ledger.ts';
import { tryLock } from './lock.ts';
import type { Progress } from './progress.ts';

/** One state folder, held by this process alone. */
export interface HeldState {
  readonly folder: string;
  readonly ledger: Ledger;
  /** Port base of the start before, if there was one. */
  readonly portBase: number | undefined;
  savePortBase(base: number): void;
  release(): void;
}

/** `${XDG_STATE_HOME:-~/.local/state}/fedctl/dev` */
export function defaultStateFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state'), 'fedctl', 'dev');
}

/**
 * Takes the state folder for this process, and ends what an earlier start that crashed left running on it.
 * @throws FAILED_PRECONDITION DEV_ALREADY_RUNNING where another `fedctl dev` holds it
 */
export async function holdState(options: { folder: string; progress: Progress }): Promise<HeldState> {
  const { folder, progress } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(folder, 'lock'));
  const pidFile = join(folder, 'pid');
  if (!lock) {
    const text = `Another fedctl dev (process ${read(pidFile) ?? '?'}) runs on ${folder}.`;
    throw new AppError('FAILED_PRECONDITION', 'DEV_ALREADY_RUNNING', text, {
      hint: 'Use that one, stop it first, or give this one a folder of its own: fedctl dev --state DIR --ports BASE',
    });
  }
  try {
    write(pidFile, String(process.pid));
    const ledgerFile = join(folder, 'processes.json');
    const ended = await endLeftovers(ledgerFile);
    if (ended.length > 0) progress(`Ended what an earlier start left running: ${ended.join(', ')}`);
    const base = Number(read(join(folder, 'ports')));
    return {
      folder,
      ledger: openLedger(ledgerFile),
      portBase: base > 0 ? base : undefined,
      savePortBase: (value) => write(join(folder, 'ports'), String(value)),
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
