import { basename, dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { checkConnectionName } from '../core/ids.ts';
import { tokenClaims } from '../core/token-claims.ts';
import { removeIfThere, sweepTemporaries, writeAtomically } from './atomic-write.ts';
import { openPrivateDir, type PrivateDir, readPrivateFile } from './private-dir.ts';
import {
  bootClock,
  lifeLeft,
  type MetaRecord,
  metaText,
  parseMeta,
  parseTokens,
  recordOf,
  sha256,
  type TokenPair,
  tokensText,
} from './records.ts';
import type { CredentialOptions, Credentials, NewTokens } from './types.ts';

export interface LoginPlace extends CredentialOptions {
  readonly tokensName: string;
  readonly metaName: string;
  readonly lockName: string;
  readonly now: () => number;
}

/** @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID where the path names no credential file */
export function placeOf(options: CredentialOptions): LoginPlace {
  const name = checkConnectionName(basename(options.path, '.json'));
  return {
    ...options,
    now: options.now ?? Date.now,
    tokensName: `${name}.json`,
    metaName: `${name}.meta.json`,
    lockName: `${name}.json.lock`,
  };
}

/** `.flwr` (or `$FLWR_HOME`) and `.credentials` in it, both held open. */
export interface LoginDirs {
  readonly outer: PrivateDir;
  readonly inner: PrivateDir;
  [Symbol.dispose](): void;
}

/** @returns undefined where one is missing and `create` is false */
export function openDirs({ path }: LoginPlace, create: boolean): LoginDirs | undefined {
  const innerPath = dirname(path);
  const outer = openPrivateDir(dirname(innerPath), { create, tightenTo: 0o755 });
  if (outer === undefined) return undefined;
  try {
    const parent = { dir: outer, name: basename(innerPath) };
    const inner = openPrivateDir(innerPath, { create, tightenTo: 0o700 }, parent);
    if (inner !== undefined) return { outer, inner, [Symbol.dispose]: () => closeBoth(inner, outer) };
  } catch (error) {
    outer[Symbol.dispose]();
    throw error;
  }
  outer[Symbol.dispose]();
  return undefined;
}

function closeBoth(inner: PrivateDir, outer: PrivateDir): void {
  inner[Symbol.dispose]();
  outer[Symbol.dispose]();
}

function foreign(place: LoginPlace, what: string): AppError {
  return new AppError('UNAUTHENTICATED', 'CREDENTIALS_FOREIGN', `The login in ${place.path} ${what}.`, {
    hint: 'Run: fedctl login',
  });
}

/**
 * The login that stands there, if it belongs to this origin (security.md CF-05).
 * @throws UNAUTHENTICATED CREDENTIALS_FOREIGN; FAILED_PRECONDITION CREDENTIALS_CORRUPT, CREDENTIALS_UNSAFE
 */
export function readLogin(place: LoginPlace, { inner }: LoginDirs): Credentials | undefined {
  const text = readPrivateFile(inner, place.tokensName);
  if (text === undefined) return undefined;
  const pair = parseTokens(text, place.path);
  const records = readRecords(place, inner);
  if (records === undefined) throw foreign(place, "was not made by fedctl, so its server isn't known");
  const record = recordOf(records, pair);
  if (record === undefined) throw foreign(place, 'belongs to another session');
  if (record.server !== place.origin) throw foreign(place, `is for ${record.server}, not for ${place.origin}`);
  if (record.ca !== place.caPin) throw foreign(place, 'was made with other root certificates');
  if (place.kind !== undefined && (record.kind ?? 'fedctl') !== place.kind) {
    throw foreign(place, 'is for another kind of server');
  }
  return credentialsOf(pair, record, place.now());
}

function credentialsOf(pair: TokenPair, record: MetaRecord, now: number): Credentials {
  return {
    ...pair,
    sessionId: record.session,
    issuer: record.issuer,
    account: record.account,
    kind: record.kind ?? 'fedctl',
    expiresInMs: lifeLeft(record, pair, now),
    generation: record.generation,
  };
}

function readRecords(place: LoginPlace, inner: PrivateDir): readonly MetaRecord[] | undefined {
  const text = readPrivateFile(inner, place.metaName);
  return text === undefined ? undefined : parseMeta(text, join(inner.path, place.metaName));
}

/** The record of the pair that is being replaced; none where anything about it is wrong: a new login heals that. */
function recordBefore(place: LoginPlace, inner: PrivateDir): MetaRecord | undefined {
  try {
    const text = readPrivateFile(inner, place.tokensName);
    const records = readRecords(place, inner);
    return text === undefined || records === undefined ? undefined : recordOf(records, parseTokens(text, place.path));
  } catch {
    return undefined;
  }
}

/**
 * Replaces the login, under the lock. The binding goes first and keeps the old record: a crash between the two files
 * leaves the old pair with its own binding (security.md F-31).
 * @throws the file system's own errors; then the old login stands
 */
export function writeLogin(place: LoginPlace, { inner }: LoginDirs, tokens: NewTokens): Credentials {
  const before = recordBefore(place, inner);
  const record: MetaRecord = {
    server: place.origin,
    ca: place.caPin,
    issuer: tokenClaims(tokens.accessToken).iss ?? '',
    session: tokens.sessionId,
    account: tokens.account,
    'access-token-sha256': sha256(tokens.accessToken.reveal()),
    'received-at': place.now(),
    'expires-in': tokens.expiresIn,
    ...bootClock(),
    generation: (before?.generation ?? 0) + 1,
    ...(place.kind === undefined || place.kind === 'fedctl' ? {} : { kind: place.kind }),
  };
  const { onStep } = place;
  for (const name of [place.tokensName, place.metaName]) sweepTemporaries(inner, name);
  writeAtomically(inner, place.metaName, metaText(before ? [record, before] : [record]), { onStep });
  writeAtomically(inner, place.tokensName, tokensText(tokens), { onStep });
  const { accessToken, refreshToken } = tokens;
  return credentialsOf({ accessToken, refreshToken }, record, place.now());
}

/** Removes the login, under the lock; true if there was one. */
export function removeLogin(place: LoginPlace, { inner }: LoginDirs): boolean {
  for (const name of [place.tokensName, place.metaName]) sweepTemporaries(inner, name);
  place.onStep?.('remove tokens');
  const found = removeIfThere(inner, place.tokensName);
  place.onStep?.('remove meta');
  removeIfThere(inner, place.metaName);
  inner.sync();
  return found;
}

/** A pair that is good but could not be stored. */
export function unsaved({ kind = 'fedctl' }: LoginPlace, tokens: NewTokens): Credentials {
  return {
    kind,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    sessionId: tokens.sessionId,
    issuer: tokenClaims(tokens.accessToken).iss ?? '',
    account: tokens.account,
    expiresInMs: tokens.expiresIn * 1000,
    generation: 0,
  };
}
