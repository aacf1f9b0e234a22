import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Lock {
  release(): void;
}

/**
 * Takes the lock that `path` stands for, or answers undefined where another process (or another holder in this one) has it.
 * SQLite holds an OS lock on the file, which ends with its process however that ends: there is no stale lock.
 */
export function tryLock(path: string): Lock | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}

/** Waits for the lock; `onWait` is called once where it has to. */
export async function waitForLock(path: string, onWait: () => void): Promise<Lock> {
  for (let waited = false; ; waited = true) {
    const lock = tryLock(path);
    if (lock) return lock;
    if (!waited) onWait();
    await sleep(200);
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
}
