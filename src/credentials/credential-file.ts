import { basename } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import { ensureIgnored, proveIgnored, seemsInWorkTree } from './git.ts';
import { backOff, type HeldLock, lockedError, sweepLockTemporaries, tryLock } from './lock.ts';
import {
  type LoginDirs,
  type LoginPlace,
  openDirs,
  placeOf,
  readLogin,
  removeLogin,
  unsaved,
  writeLogin,
} from './stored-login.ts';
import type {
  CredentialFile,
  CredentialOptions,
  Credentials,
  LockedCredentials,
  NewTokens,
  RenewRequest,
  RenewResult,
} from './types.ts';

const LOCK_TIMEOUT_MS = 60_000;
const USABLE_MS = 60_000;

/**
 * The stored login of one connection. Nothing is read or made before a method is called.
 * @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID where the path names no credential file
 */
export function openCredentials(options: CredentialOptions): CredentialFile {
  const place = placeOf(options);
  return {
    path: options.path,
    read: async () => readOnce(place),
    prepare: () => inNewDirs(place, (dirs) => prepareIn(place, dirs)),
    write: (tokens) => write(place, tokens),
    remove: () => remove(place),
    withLock: (work) => inNewDirs(place, (dirs) => locked(place, dirs, () => work(accessTo(place, dirs)))),
    renew: (request) => renew(place, request),
  };
}

function readOnce(place: LoginPlace): Credentials | undefined {
  try {
    using dirs = openDirs(place, false);
    return dirs && readLogin(place, dirs);
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    const text = `${place.path} can't be read: ${describeFailure(error)}.`;
    throw new AppError('FAILED_PRECONDITION', 'CREDENTIALS_UNREADABLE', text, { cause: error });
  }
}

function accessTo(place: LoginPlace, dirs: LoginDirs): LockedCredentials {
  return {
    read: () => readLogin(place, dirs),
    write: async (tokens) => {
      await prepareIn(place, dirs);
      return writeLogin(place, dirs, tokens);
    },
    remove: () => removeLogin(place, dirs),
  };
}

async function write(place: LoginPlace, tokens: NewTokens): Promise<Credentials> {
  return inNewDirs(place, async (dirs) => {
    await prepareIn(place, dirs);
    return locked(place, dirs, async () => writeLogin(place, dirs, tokens));
  });
}

async function remove(place: LoginPlace): Promise<boolean> {
  using dirs = openDirs(place, false);
  if (dirs === undefined) return false;
  return await saving(place, () => locked(place, dirs, async () => removeLogin(place, dirs)));
}

async function inNewDirs<T>(place: LoginPlace, work: (dirs: LoginDirs) => Promise<T>): Promise<T> {
  return saving(place, async () => {
    using dirs = openDirs(place, true) as LoginDirs;
    return await work(dirs);
  });
}

/** In a project always; for `$FLWR_HOME` only where that lies in a work tree (dotfiles). */
async function prepareIn(place: LoginPlace, { outer }: LoginDirs): Promise<readonly string[]> {
  if (basename(outer.path) === '.flwr' || seemsInWorkTree(outer.path)) ensureIgnored(outer, place.onStep);
  const proven = await proveIgnored(outer, [place.tokensName, place.metaName]);
  return proven ? [] : [`git is not installed: whether it ignores ${place.path} is not known.`];
}

async function locked<T>(place: LoginPlace, dirs: LoginDirs, work: () => Promise<T>): Promise<T> {
  const { inner } = dirs;
  const deadline = performance.now() + (place.lockTimeoutMs ?? LOCK_TIMEOUT_MS);
  for (let attempt = 0; ; attempt += 1) {
    const lock = tryLock(inner, place.lockName, place.onStep);
    if (lock) return whileHeld(lock, dirs, work);
    if (performance.now() > deadline) throw lockedError(inner, place.lockName);
    await backOff(attempt);
  }
}

async function whileHeld<T>(lock: HeldLock, { inner }: LoginDirs, work: () => Promise<T>): Promise<T> {
  try {
    sweepLockTemporaries(inner);
    return await work();
  } finally {
    lock.release();
  }
}

async function renew(place: LoginPlace, request: RenewRequest): Promise<RenewResult> {
  const usable = request.usable ?? ((credentials) => credentials.expiresInMs > USABLE_MS);
  const deadline = performance.now() + (place.lockTimeoutMs ?? LOCK_TIMEOUT_MS);
  for (let attempt = 0; ; attempt += 1) {
    const current = readOnce(place);
    if (current === undefined) throw notLoggedIn();
    if (usable(current)) return { credentials: current, warning: undefined };
    const result = await tryRenew(place, current, { ...request, usable });
    if (result !== undefined) return result;
    if (performance.now() > deadline) throw lockedAt(place);
    await backOff(attempt);
  }
}

/** Undefined while another process holds the lock: it is likely fetching the pair that we want. */
async function tryRenew(
  place: LoginPlace,
  current: Credentials,
  request: Required<RenewRequest>,
): Promise<RenewResult | undefined> {
  using dirs = openDirs(place, false);
  if (dirs === undefined) return undefined;
  let lock: HeldLock | undefined;
  try {
    lock = tryLock(dirs.inner, place.lockName, place.onStep);
  } catch (error) {
    // No lock can be had on a full or read-only disk; the server answers a pair that was renewed twice alike.
    return { credentials: unsaved(place, await request.renew(current)), warning: notSaved(place, error) };
  }
  if (lock === undefined) return undefined;
  return await whileHeld(lock, dirs, () => renewLocked(place, dirs, request));
}

async function renewLocked(
  place: LoginPlace,
  dirs: LoginDirs,
  { usable, renew: fetchNext }: Required<RenewRequest>,
): Promise<RenewResult> {
  const current = readLogin(place, dirs);
  if (current === undefined) throw notLoggedIn();
  if (usable(current)) return { credentials: current, warning: undefined };
  const obstacle = await prepareIn(place, dirs).then(
    () => undefined,
    (error: unknown) => notSaved(place, error),
  );
  const tokens = await fetchNext(current);
  if (obstacle !== undefined) return { credentials: unsaved(place, tokens), warning: obstacle };
  try {
    return { credentials: writeLogin(place, dirs, tokens), warning: undefined };
  } catch (error) {
    return { credentials: unsaved(place, tokens), warning: notSaved(place, error) };
  }
}

function notLoggedIn(): AppError {
  return new AppError('UNAUTHENTICATED', 'NOT_LOGGED_IN', 'You are not logged in.', { hint: 'Run: fedctl login' });
}

function lockedAt(place: LoginPlace): AppError {
  using dirs = openDirs(place, false);
  if (dirs) return lockedError(dirs.inner, place.lockName);
  return notLoggedIn();
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
};

/** What kept a login from being stored; AppErrors say it themselves. */
function notSaved(place: LoginPlace, error: unknown): AppError {
  if (isAppError(error)) return error;
  const text = `The login could not be stored in ${place.path}: ${describeFailure(error)}.`;
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_NOT_SAVED', text, {
    hint: 'Free some space or correct the permissions, then run the command again.',
    cause: error,
  });
}

function describeFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return FAILURES[code] ?? code;
}

async function saving<T>(place: LoginPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFileSystemError(error) ? notSaved(place, error) : error;
  }
}

function isFileSystemError(error: unknown): boolean {
  return !isAppError(error) && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
