import { join } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { tokenClaims } from '../core/token-claims.ts';
import { removeIfThere, sweepTemporaries, writeAtomically } from './atomic-write.ts';
import type { LoginDirs, LoginPlace } from './login-place.ts';
import { type PrivateDir, readPrivateFile } from './private-dir.ts';
import {
  bootClock,
  corrupt,
  lifeLeft,
  type MetaRecord,
  metaText,
  nameOf,
  parseMeta,
  parseTokens,
  recordOf,
  SEALED,
  type StorageKind,
  sha256,
  type TokenPair,
  tokensText,
} from './records.ts';
import type { Credentials, NewTokens } from './types.ts';

function foreign(place: LoginPlace, what: string): AppError {
  return new AppError('UNAUTHENTICATED', 'CREDENTIALS_FOREIGN', `The login in ${place.file} ${what}.`, {
    hint: 'Run: fedctl login',
  });
}

/**
 * The login that stands there, if it belongs to this origin (security.md CF-05): that is looked at before a key is asked for.
 * @throws UNAUTHENTICATED CREDENTIALS_FOREIGN, CREDENTIALS_NOT_KEPT; FAILED_PRECONDITION CREDENTIALS_CORRUPT,
 *   CREDENTIALS_UNSAFE; as keys do
 */
export async function readLogin(place: LoginPlace, { inner }: LoginDirs): Promise<Credentials | undefined> {
  const text = readPrivateFile(inner, place.tokensName);
  if (text === undefined) return await readKept(place, inner);
  if (isSealed(text)) {
    const { openLogin } = await import('./sealed-login.ts');
    const records = readRecords(place, inner);
    const { pair, record } = await openLogin(place, text, (token) => {
      const own = records?.find((one) => one['access-token-sha256'] === token);
      return checkRecord(place, records === undefined ? undefined : [own]);
    });
    return credentialsOf(pair, record, place);
  }
  const pair = parseTokens(text, place.file);
  const records = readRecords(place, inner);
  const record = checkRecord(place, records && [recordOf(records, pair)]);
  if (pair.refreshToken.reveal() === '' && (record.kind ?? 'fedctl') !== 'fedctl') {
    throw corrupt(place.file, 'is damaged: a token is missing');
  }
  return credentialsOf(pair, record, place);
}

/** A login without a file: one that only the agent has, or that is made anew each time. */
async function readKept(place: LoginPlace, inner: PrivateDir): Promise<Credentials | undefined> {
  const records = readRecords(place, inner) ?? [];
  const record = await keptRecord(place, records);
  if (record === undefined) return undefined;
  const { readKeptPair } = await import('./kept-login.ts');
  const pair = await readKeptPair(place, checkRecord(place, [record]));
  // A pair that the record doesn't speak of is bound to nothing.
  const isOwn = pair !== undefined && recordOf([record], pair) !== undefined;
  return isOwn ? credentialsOf(pair, record, place) : noTokens(place, record);
}

function noTokens(place: LoginPlace, record: MetaRecord): Credentials {
  const nothing = new Secret('');
  return credentialsOf({ accessToken: nothing, refreshToken: nothing }, record, place);
}

export function isSealed(text: string): boolean {
  return text.includes(`"${SEALED}"`);
}

/** The record, if it says that the login may be used here. `found`: what there is of it; undefined without a meta file. */
function checkRecord(place: LoginPlace, found: readonly [MetaRecord | undefined] | undefined): MetaRecord {
  if (found === undefined) throw foreign(place, "was not made by fedctl, so its server isn't known");
  const [record] = found;
  if (record === undefined) throw foreign(place, 'belongs to another session');
  if (record.server !== place.origin) throw foreign(place, `is for ${record.server}, not for ${place.origin}`);
  if (record.ca !== place.caPin) throw foreign(place, 'was made with other root certificates');
  if (place.kind !== undefined && (record.kind ?? 'fedctl') !== place.kind) {
    throw foreign(place, 'is for another kind of server');
  }
  return record;
}

function credentialsOf(pair: TokenPair, record: MetaRecord, { now }: LoginPlace): Credentials {
  return {
    ...pair,
    sessionId: record.session,
    issuer: record.issuer,
    account: record.account,
    kind: record.kind ?? 'fedctl',
    expiresInMs: lifeLeft(record, pair, now()),
    generation: record.generation,
    name: nameOf(record),
    storage: record.storage ?? 'file',
  };
}

/** What the meta file says, newest first; undefined where there is none. @throws as {@link parseMeta} */
export function readRecords(place: LoginPlace, inner: PrivateDir): readonly MetaRecord[] | undefined {
  const text = readPrivateFile(inner, place.metaName);
  return text === undefined ? undefined : parseMeta(text, join(inner.path, place.metaName));
}

/**
 * The record of the login that stands there, without opening it; none where its files are damaged: a new login heals that.
 * @throws as the agent does
 */
export async function standingRecord(place: LoginPlace, inner: PrivateDir): Promise<MetaRecord | undefined> {
  try {
    const text = readPrivateFile(inner, place.tokensName);
    const records = readRecords(place, inner) ?? [];
    if (text === undefined) return await keptRecord(place, records);
    if (!isSealed(text)) return recordOf(records, parseTokens(text, place.file));
    const { parseSealed } = await import('./sealed.ts');
    const { token } = parseSealed(text, place.file);
    return records.find((record) => record['access-token-sha256'] === token);
  } catch (error) {
    if (isAppError(error) && error.reason.startsWith('CREDENTIALS_')) return undefined;
    throw error;
  }
}

/** That of the pair which the agent has, for a login without a file; where it has none the newest, if that has no file. */
async function keptRecord(place: LoginPlace, records: readonly MetaRecord[]): Promise<MetaRecord | undefined> {
  if (!records.some(({ storage }) => storage === 'none')) return undefined;
  const { keptText } = await import('./kept-login.ts');
  // An agent that is gone or locked doesn't keep a login from being listed, replaced or forgotten.
  const text = await keptText(place).catch(undefinedWithoutAgent);
  const own = text && recordOf(records, parseTokens(text.reveal(), place.file));
  return own ?? (records[0]?.storage === 'none' ? records[0] : undefined);
}

function undefinedWithoutAgent(error: unknown): undefined {
  if (!isAppError(error) || !error.reason.startsWith('AGENT_')) throw error;
}

/**
 * Replaces the login, under the lock. The binding goes first and keeps the old record: a crash between the two files
 * leaves the old pair with its own binding (security.md F-31).
 * @throws the file system's own errors; as keys and the agent do; then the old login stands
 */
export async function writeLogin(place: LoginPlace, dirs: LoginDirs, tokens: NewTokens): Promise<Credentials> {
  const { inner } = dirs;
  const before = await standingRecord(place, inner);
  const record = newRecord(place, tokens, before);
  const { accessToken, refreshToken } = tokens;
  // Before anything is written: a key may be missing.
  const text = await bodyOf(place, inner, { accessToken, refreshToken }, record);
  for (const name of [place.tokensName, place.metaName]) sweepTemporaries(inner, name);
  writeMeta(place, inner, before ? [record, before] : [record]);
  await writeBody(place, inner, text, record);
  // The login stands by now: what can't be taken away is of no use to anybody.
  if (before !== undefined && before.storage !== record.storage) await forgetIn(before, place, inner).catch(() => {});
  return credentialsOf({ accessToken, refreshToken }, record, place);
}

/** Takes away what a login that is kept in another way by now has left in the agent, or in the keyring. */
async function forgetIn({ storage }: MetaRecord, place: LoginPlace, inner: PrivateDir): Promise<void> {
  if (storage === 'none') await (await import('./kept-login.ts')).forgetPair(place);
  if (storage === 'keyring') await (await import('./accounts.ts')).forgetKey(place, inner);
}

function newRecord(place: LoginPlace, tokens: NewTokens, before: MetaRecord | undefined): MetaRecord {
  const storage = place.storage?.kind ?? before?.storage ?? 'file';
  const isChosen = place.storage?.isChosen ?? before?.['storage-chosen'] ?? false;
  const name = place.beside ?? (before?.account === tokens.account ? before.name : undefined);
  return {
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
    ...(storage === 'file' ? {} : { storage }),
    ...(isChosen ? { 'storage-chosen': true } : {}),
    ...(name === undefined || name === tokens.account ? {} : { name }),
  };
}

/** Text of the tokens as this storage keeps them. */
async function bodyOf(place: LoginPlace, inner: PrivateDir, pair: TokenPair, record: MetaRecord): Promise<string> {
  const { storage = 'file' } = record;
  if (storage === 'none') await (await import('./kept-login.ts')).checkKeeper(place, pair);
  if (storage === 'file' || storage === 'none') return tokensText(pair);
  const { sealLogin } = await import('./sealed-login.ts');
  return await sealLogin({ ...place, storage: { kind: storage, isChosen: false } }, inner, pair, record);
}

export function writeMeta({ metaName, onStep }: LoginPlace, inner: PrivateDir, records: readonly MetaRecord[]): void {
  writeAtomically(inner, metaName, metaText(records), { onStep });
}

/** Puts the tokens where this storage keeps them. @throws as the file system and the agent do */
export async function writeBody(
  place: LoginPlace,
  inner: PrivateDir,
  text: string,
  { storage = 'file', account }: { readonly storage?: StorageKind; readonly account: string },
): Promise<void> {
  if (storage !== 'none') return writeAtomically(inner, place.tokensName, text, { onStep: place.onStep });
  const { keepPair } = await import('./kept-login.ts');
  await keepPair(place, text, account);
  // What stands in the file goes before what the agent has.
  place.onStep?.('remove tokens');
  if (removeIfThere(inner, place.tokensName)) inner.sync();
}

/** Removes the login, under the lock; true if there was one. */
export async function removeLogin(place: LoginPlace, { inner }: LoginDirs): Promise<boolean> {
  const record = await standingRecord(place, inner);
  for (const name of [place.tokensName, place.metaName]) sweepTemporaries(inner, name);
  if (record?.storage === 'none') await forgetIn(record, place, inner);
  place.onStep?.('remove tokens');
  const found = removeIfThere(inner, place.tokensName);
  place.onStep?.('remove meta');
  removeIfThere(inner, place.metaName);
  // Those of the active login are for the next one.
  if (place.account !== undefined) removeIfThere(inner, `${place.stem}.login.json`);
  inner.sync();
  if (record?.storage === 'keyring') await forgetIn(record, place, inner);
  return found || record !== undefined;
}

/** A pair that is good but could not be stored in place of `before`. */
export function unsaved({ kind = 'fedctl' }: LoginPlace, tokens: NewTokens, before: Credentials): Credentials {
  return {
    kind,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    sessionId: tokens.sessionId,
    issuer: tokenClaims(tokens.accessToken).iss ?? '',
    account: tokens.account,
    expiresInMs: tokens.expiresIn * 1000,
    generation: 0,
    name: before.name,
    storage: before.storage,
  };
}
