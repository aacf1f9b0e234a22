import { basename } from 'node:path';
import { AppError } from '../core/errors.ts';
import { ensureIgnored, proveIgnored, seemsInWorkTree } from './git.ts';
import { backOff, type HeldLock, lockedError, sweepLockTemporaries, tryLock } from './lock.ts';
import { type LoginDirs, type LoginPlace, openDirs, placeOf } from './login-place.ts';
import { nameOf } from './records.ts';
import { readLogin, removeLogin, standingRecord, unsaved, writeLogin } from './stored-login.ts';
import { isFileSystemError, notSaved, saving, unreadable } from './storing.ts';
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
 * The stored login of one connection. Nothing is read or made before a method is called. What it has given out once it
 * keeps to: a login that is made active in its place is another one.
 * @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID where the path names no credential file
 */
export function openCredentials(options: CredentialOptions): CredentialFile {
  const place = placeOf(options);
  /** Name of the login that was given out. */
  let given: string | undefined;
  const remember = <T extends Credentials | undefined>(login: T): T => {
    given ??= login?.name;
    return login;
  };
  return {
    path: place.file,
    read: async () => remember(await readOnce(place, given)),
    prepare: () => inNewDirs(place, (dirs) => prepareLogin(place, dirs)),
    write: (tokens) => write(place, tokens),
    remove: () => remove(place, given),
    withLock: (work) =>
      inNewDirs(place, (dirs) =>
        locked(place, dirs, async () => work(accessTo(await locate(place, dirs, given), dirs))),
      ),
    async renew(request) {
      const result = await renew(place, given, request);
      remember(result.credentials);
      return result;
    },
  };
}

/** Where the login called `name` is by now: it may have changed places with another account's. */
async function locate(place: LoginPlace, { inner }: LoginDirs, name: string | undefined): Promise<LoginPlace> {
  if (name === undefined || place.account !== undefined) return place;
  const active = await standingRecord(place, inner);
  return active === undefined || nameOf(active) === name ? place : placeOf({ ...place, account: name });
}

async function readOnce(place: LoginPlace, name: string | undefined): Promise<Credentials | undefined> {
  try {
    using dirs = openDirs(place, false);
    return dirs && (await readLogin(await locate(place, dirs, name), dirs));
  } catch (error) {
    throw isFileSystemError(error) ? unreadable(place, error) : error;
  }
}

function accessTo(place: LoginPlace, dirs: LoginDirs): LockedCredentials {
  return {
    read: () => readLogin(place, dirs),
    write: async (tokens) => {
      await prepareIn(place, dirs);
      return await writeLogin(place, dirs, tokens);
    },
    remove: () => removeLogin(place, dirs),
  };
}

async function write(place: LoginPlace, tokens: NewTokens): Promise<Credentials> {
  return inNewDirs(place, async (dirs) => {
    await prepareIn(place, dirs);
    return locked(place, dirs, async () => {
      if (place.beside === undefined) return await writeLogin(place, dirs, tokens);
      const { writeBeside } = await import('./accounts.ts');
      return await writeBeside(place, dirs, tokens);
    });
  });
}

async function remove(place: LoginPlace, name: string | undefined): Promise<boolean> {
  using dirs = openDirs(place, false);
  if (dirs === undefined) return false;
  const work = async () => removeLogin(await locate(place, dirs, name), dirs);
  return await saving(place, () => locked(place, dirs, work));
}

async function inNewDirs<T>(place: LoginPlace, work: (dirs: LoginDirs) => Promise<T>): Promise<T> {
  return saving(place, async () => {
    using dirs = openDirs(place, true) as LoginDirs;
    return await work(dirs);
  });
}

/** Also that its key can be had: nobody is sent to log in for a login that can't be sealed. */
async function prepareLogin(place: LoginPlace, dirs: LoginDirs): Promise<readonly string[]> {
  const warnings = await prepareIn(place, dirs);
  const { beside } = place;
  if (beside !== undefined) await (await import('./accounts.ts')).checkBeside({ ...place, beside });
  if (place.storage !== undefined && place.storage.kind !== 'file') {
    const { prepareKey } = await import('./sealed-login.ts');
    const prepare = () => prepareKey(place, dirs.inner);
    // Nobody else has to wait while somebody thinks of a passphrase; a key in the keyring is made once.
    await (place.storage.kind === 'keyring' ? locked(place, dirs, prepare) : prepare());
  }
  return warnings;
}

/** In a project always; for `$FLWR_HOME` only where that lies in a work tree (dotfiles). */
async function prepareIn(place: LoginPlace, { outer }: LoginDirs): Promise<readonly string[]> {
  if (basename(outer.path) === '.flwr' || seemsInWorkTree(outer.path)) ensureIgnored(outer, place.onStep);
  const proven = await proveIgnored(outer, [place.tokensName, place.metaName]);
  return proven ? [] : [`git is not installed: whether it ignores ${place.file} is not known.`];
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

/** Runs `work` on the logins of a connection while no other process can. @throws as {@link CredentialFile.withLock} */
export async function underLock<T>(place: LoginPlace, work: (dirs: LoginDirs) => Promise<T>): Promise<T> {
  return await inNewDirs(place, (dirs) => locked(place, dirs, () => work(dirs)));
}

async function whileHeld<T>(lock: HeldLock, { inner }: LoginDirs, work: () => Promise<T>): Promise<T> {
  try {
    sweepLockTemporaries(inner);
    return await work();
  } finally {
    lock.release();
  }
}

async function renew(place: LoginPlace, name: string | undefined, request: RenewRequest): Promise<RenewResult> {
  const asked = request.usable ?? ((credentials) => credentials.expiresInMs > USABLE_MS);
  // One that is kept nowhere has no token until it is renewed.
  const usable = (credentials: Credentials) => credentials.accessToken.reveal() !== '' && asked(credentials);
  const deadline = performance.now() + (place.lockTimeoutMs ?? LOCK_TIMEOUT_MS);
  for (let attempt = 0; ; attempt += 1) {
    const current = await readOnce(place, name);
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
    const tokens = checkSame(current, await request.renew(current));
    return { credentials: unsaved(place, tokens, current), warning: notSaved(place, error) };
  }
  if (lock === undefined) return undefined;
  const work = async () => renewLocked(await locate(place, dirs, current.name), dirs, request);
  return await whileHeld(lock, dirs, work);
}

async function renewLocked(
  place: LoginPlace,
  dirs: LoginDirs,
  { usable, renew: fetchNext }: Required<RenewRequest>,
): Promise<RenewResult> {
  const current = await readLogin(place, dirs);
  if (current === undefined) throw notLoggedIn();
  if (usable(current)) return { credentials: current, warning: undefined };
  const obstacle = await prepareIn(place, dirs).then(
    () => undefined,
    (error: unknown) => notSaved(place, error),
  );
  const tokens = checkSame(current, await fetchNext(current));
  if (obstacle !== undefined) return { credentials: unsaved(place, tokens, current), warning: obstacle };
  try {
    return { credentials: await writeLogin(place, dirs, tokens), warning: undefined };
  } catch (error) {
    return { credentials: unsaved(place, tokens, current), warning: notSaved(place, error) };
  }
}

/** A grant that is done again, by settings or a token that changed meanwhile, could give the login of somebody else. */
function checkSame(current: Credentials, next: NewTokens): NewTokens {
  if (current.refreshToken.reveal() !== '' || current.account === '' || next.account === current.account) return next;
  const text = `The login is renewed as ${next.account}, but it was ${current.account}'s.`;
  throw new AppError('UNAUTHENTICATED', 'CREDENTIALS_FOREIGN', text, { hint: 'Run: fedctl login --force' });
}

function notLoggedIn(): AppError {
  return new AppError('UNAUTHENTICATED', 'NOT_LOGGED_IN', 'You are not logged in.', { hint: 'Run: fedctl login' });
}

function lockedAt(place: LoginPlace): AppError {
  using dirs = openDirs(place, false);
  if (dirs) return lockedError(dirs.inner, place.lockName);
  return notLoggedIn();
}
