import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import { writeAtomically } from '../credentials/atomic-write.ts';
import { backOff, type HeldLock, tryLock } from '../credentials/lock.ts';
import type { PrivateDir } from '../credentials/private-dir.ts';
import { type ConnectionFile, configConnections, configFile } from '../project/connections.ts';

const LOCK_TIMEOUT_MS = 5_000;
const MAX_TRIES = 5;
const BOM = '\ufeff';

/** The text of the file as it shall be, from the text as it is ("" where there is no file). Throws to leave it alone. */
export type ConfigChange = (text: string, from: ConnectionFile) => string;

/**
 * Changes `$FLWR_HOME/config.toml`: under a lock against other fedctl processes, atomically, keeping the file's mode and
 * following a symbolic link to the file that it names. A new file is made as flwr makes it (0644 by umask).
 * @throws what `change` throws; CONFIG_*; UNAVAILABLE CONFIG_LOCKED; FAILED_PRECONDITION CONFIG_NOT_WRITTEN
 */
export async function changeConfig(env: NodeJS.ProcessEnv, change: ConfigChange): Promise<void> {
  const file = configFile(env);
  try {
    const before = readText(file);
    // Nothing is made on the disk for a change that is refused.
    if (before === undefined) changed('', file, change);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const real = before === undefined ? file : realpathSync(file);
    const lock = await waitForLock(dirname(real), `${basename(real)}.lock`, file);
    try {
      changeLocked(real, file, change);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (isAppError(error)) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const text = `${file} can't be changed (${code}).`;
    throw new AppError('FAILED_PRECONDITION', 'CONFIG_NOT_WRITTEN', text, { cause: error });
  }
}

function changeLocked(real: string, file: string, change: ConfigChange): void {
  for (let tries = 1; ; tries += 1) {
    const text = readText(real);
    const wanted = changed(text ?? '', file, change);
    if (wanted === text) return;
    if (text !== undefined) accessSync(real, constants.W_OK);
    const mode = text === undefined ? 0o644 & ~process.umask() : statSync(real).mode & 0o7777;
    // flwr knows no lock: what it wrote in the meantime is read again.
    if (readText(real) === text) {
      writeAtomically(openFolder(dirname(real)), basename(real), wanted, { mode });
      return;
    }
    if (tries === MAX_TRIES) throw locked(file);
  }
}

function changed(text: string, file: string, change: ConfigChange): string {
  const mark = text.startsWith(BOM) ? BOM : '';
  const body = text.slice(mark.length);
  return mark + change(body, configConnections(body, file));
}

/** @returns undefined where there is no file; a byte order mark is kept */
function readText(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!statSync(path).isFile()) {
    throw new AppError('FAILED_PRECONDITION', 'CONFIG_UNREADABLE', `${path}: not a file.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    throw new AppError('INVALID_ARGUMENT', 'CONFIG_SYNTAX', `${path}: not valid UTF-8.`, { cause: error });
  }
}

async function waitForLock(folder: string, name: string, file: string): Promise<HeldLock> {
  const deadline = performance.now() + LOCK_TIMEOUT_MS;
  for (let attempt = 0; ; attempt += 1) {
    const lock = tryLock(openFolder(folder), name);
    if (lock) return lock;
    if (performance.now() > deadline) throw locked(file);
    await backOff(attempt);
  }
}

function locked(file: string): AppError {
  return new AppError('UNAVAILABLE', 'CONFIG_LOCKED', `${file} is being changed by another process.`, {
    hint: 'Try again when it has ended.',
  });
}

/** A folder that need not be private: connections are no secret, and dotfiles live where their owner wants them. */
function openFolder(path: string): PrivateDir {
  return { path, at: (name) => join(path, name), sync: () => syncFolder(path), [Symbol.dispose]() {} };
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems can't sync folders.
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(fd);
  }
}
