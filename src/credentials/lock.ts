import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { AppError } from '../core/errors.ts';
import { removeIfThere, type StepHook } from './atomic-write.ts';
import type { PrivateDir } from './private-dir.ts';

/** Who holds a lock. A process is known by its id and its start, because ids come back. */
interface Holder {
  readonly pid: number;
  /** Clock ticks since boot, from /proc; empty where there is no /proc. */
  readonly start: string;
  readonly host: string;
  readonly token: string;
}

/** A holder on another host, or a lock that says nothing, counts as dead after this long: renewals end within 30 s. */
const UNKNOWN_HOLDER_MS = 120_000;
const MAX_BREAK_DEPTH = 4;

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive({ pid, start }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return now === '' || start === '' || now === start;
}

/** The holder of the lock file `name`; undefined where the lock is free, `unknown` where the file says nothing. */
function readHolder(dir: PrivateDir, name: string): Holder | 'unknown' | undefined {
  try {
    const holder = JSON.parse(readFileSync(dir.at(name), 'utf8')) as Holder;
    return Number.isInteger(holder.pid) && /^[0-9a-f]{16}$/.test(holder.token) ? holder : 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'unknown';
  }
}

function isStale(dir: PrivateDir, name: string, holder: Holder | 'unknown'): boolean {
  if (holder !== 'unknown' && holder.host === hostname()) return !isAlive(holder);
  const stat = lstatSync(dir.at(name), { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > UNKNOWN_HOLDER_MS;
}

/** Creates `name` with us as holder, in one step; false if it exists. */
function create(dir: PrivateDir, name: string, token: string): boolean {
  const holder: Holder = { pid: process.pid, start: startOf(process.pid), host: hostname(), token };
  const temporary = `.lock.${token}.tmp`;
  const fd = openSync(dir.at(temporary), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    writeFileSync(fd, JSON.stringify(holder));
    // Appears with its content or not at all; unlike rename it never replaces.
    linkSync(dir.at(temporary), dir.at(name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    closeSync(fd);
    removeIfThere(dir, temporary);
  }
}

/**
 * Removes the lock file `name` if its holder is dead. Two breakers must never remove a lock that somebody took in
 * between: the right to remove the lock of one holder is a lock of its own, named after that holder, and the file is read
 * again under it. A breaker that died is broken in the same way.
 */
function breakIfStale(dir: PrivateDir, name: string, depth = 0): void {
  const holder = readHolder(dir, name);
  if (holder === undefined || !isStale(dir, name, holder) || depth > MAX_BREAK_DEPTH) return;
  const right = `${name}.${holder === 'unknown' ? 'unknown' : holder.token.slice(0, 8)}`;
  if (!create(dir, right, randomBytes(8).toString('hex'))) {
    breakIfStale(dir, right, depth + 1);
    return;
  }
  try {
    const now = readHolder(dir, name);
    const same = now === 'unknown' || holder === 'unknown' ? now === holder : now?.token === holder.token;
    if (same && isStale(dir, name, holder)) removeIfThere(dir, name);
  } finally {
    removeIfThere(dir, right);
  }
}

/** Deletes what processes killed in {@link tryLock} left; young ones may belong to the living. */
export function sweepLockTemporaries(dir: PrivateDir): void {
  for (const name of readdirSync(dir.at('.'))) {
    if (!/^\.lock\.[0-9a-f]{16}\.tmp$/.test(name)) continue;
    const stat = lstatSync(dir.at(name), { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > UNKNOWN_HOLDER_MS) removeIfThere(dir, name);
  }
}

export interface HeldLock {
  release(): void;
}

/**
 * Takes the lock `name` if it is free or its holder is dead.
 * @returns undefined while somebody holds it
 * @throws the file system's own errors (read-only, full)
 */
export function tryLock(dir: PrivateDir, name: string, onStep: StepHook = () => {}): HeldLock | undefined {
  const token = randomBytes(8).toString('hex');
  onStep('lock');
  if (!create(dir, name, token)) {
    breakIfStale(dir, name);
    if (!create(dir, name, token)) return undefined;
  }
  return { release: () => release(dir, name, token) };
}

function release(dir: PrivateDir, name: string, token: string): void {
  const holder = readHolder(dir, name);
  // Broken by another host in the meantime: then it isn't ours to remove.
  if (holder !== undefined && holder !== 'unknown' && holder.token === token) unlinkSync(dir.at(name));
}

/** The error for a lock that stays taken. */
export function lockedError(dir: PrivateDir, name: string): AppError {
  const holder = readHolder(dir, name);
  const who = holder === undefined || holder === 'unknown' ? 'another process' : `process ${holder.pid}`;
  return new AppError('UNAVAILABLE', 'CREDENTIALS_LOCKED', `The stored login is in use by ${who}.`, {
    hint: 'Try again when it has ended.',
  });
}

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 250;

/** Waits before the next try, longer each time and at random, so that waiters don't come in herds. */
export async function backOff(attempt: number): Promise<void> {
  const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 6));
  await new Promise((resolve) => setTimeout(resolve, most * (0.5 + Math.random() / 2)));
}
