import { lstatSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { AppError } from '../core/errors.ts';
import { removeIfThere, sweepTemporaries, writeAtomically } from './atomic-write.ts';
import { underLock } from './credential-file.ts';
import { type LoginDirs, type LoginPlace, openDirs, placeOf } from './login-place.ts';
import { type PrivateDir, readPrivateFile } from './private-dir.ts';
import { checkAccountName, type MetaRecord, nameOf, recordLife, type StorageKind, UNNAMED } from './records.ts';
import { readRecords, standingRecord, writeBody, writeLogin, writeMeta } from './stored-login.ts';
import type { CredentialOptions, Credentials, NewTokens } from './types.ts';

/** One login of a connection, as far as it is known without opening it. */
export interface AccountFacts {
  /** What it is called here. */
  readonly name: string;
  /** The account's name on the server; empty where the server doesn't tell. */
  readonly account: string;
  /** The one that commands use. */
  readonly isActive: boolean;
  readonly server: string;
  readonly storage: StorageKind;
  /** Ms of life of the access token left; at most 0 = the next command renews it. */
  readonly expiresInMs: number;
  readonly file: string;
  /** Its files make no sense: only {@link file} is known of it, and what it is called. */
  readonly isDamaged: boolean;
}

const settingsName = ({ stem }: LoginPlace) => `${stem}.login.json`;

const parkedPlace = (place: LoginPlace, name: string) => placeOf({ ...place, account: name });

/** All logins of a connection, the active one first. */
export async function listAccounts(options: CredentialOptions): Promise<readonly AccountFacts[]> {
  const place = placeOf({ ...options, account: undefined });
  using dirs = openDirs(place, false);
  if (dirs === undefined) return [];
  const active = await factsAt(place, dirs.inner, UNNAMED);
  const found = active === undefined ? [] : [{ ...active, isActive: true }];
  for (const name of parkedNames(place, dirs.inner)) {
    // The active one's name beside it: what a switch that was cut short has left.
    if (active !== undefined && !active.isDamaged && active.name === name) continue;
    const parked = await factsAt(parkedPlace(place, name), dirs.inner, name);
    if (parked !== undefined) found.push({ ...parked, name });
  }
  return found;
}

/** Undefined where no login is. */
async function factsAt(place: LoginPlace, inner: PrivateDir, name: string): Promise<AccountFacts | undefined> {
  const { file } = place;
  const record = await standingRecord(place, inner);
  if (record === undefined) {
    if (lstatSync(inner.at(place.tokensName), { throwIfNoEntry: false }) === undefined) return undefined;
    const nothing = { account: '', server: '', storage: 'file', expiresInMs: 0 } as const;
    return { ...nothing, name, file, isActive: false, isDamaged: true };
  }
  const { account, server, storage = 'file' } = record;
  const expiresInMs = recordLife(record, place.now());
  return { name: nameOf(record), account, isActive: false, server, storage, expiresInMs, file, isDamaged: false };
}

function parkedNames({ path }: LoginPlace, inner: PrivateDir): string[] {
  const connection = basename(path, '.json');
  const found = readdirSync(inner.at('.')).flatMap((file) => {
    const [before, name = '', ...rest] = file.replace(/(\.meta)?\.json$/, '').split('~');
    const isOurs = file.endsWith('.json') && before === connection && rest.length === 0;
    return isOurs && isAccountName(name) ? [name] : [];
  });
  return [...new Set(found)].sort();
}

function isAccountName(name: string): boolean {
  try {
    return checkAccountName(name) === name;
  } catch {
    return false;
  }
}

/**
 * Makes the login called `name` the one that commands use; the one before stays beside it. Killed at any step, both are
 * there, whole, and one of them is active (security.md F-31).
 * @returns false where it is the active one already
 * @throws NOT_FOUND ACCOUNT_NOT_HERE; UNAUTHENTICATED CREDENTIALS_FOREIGN; as withLock and the agent do
 */
export async function switchAccount(options: CredentialOptions, name: string): Promise<boolean> {
  const place = placeOf(options);
  checkAccountName(name);
  if (!(await listAccounts(options)).some((one) => one.name === name)) throw notHere(name);
  return await underLock(place, async (dirs) => {
    const active = await standingRecord(place, dirs.inner);
    await finish(place, dirs);
    if (active !== undefined && nameOf(active) === name) return false;
    const parked = parkedPlace(place, name);
    const record = await standingRecord(parked, dirs.inner);
    if (record === undefined) throw notHere(name);
    if (record.server !== place.origin || record.ca !== place.caPin) throw ofOtherServer(parked, record);
    await checkKept(parked, record);
    if (active !== undefined) {
      await checkKept(place, active);
      await park(place, active, dirs.inner);
    }
    await copyLogin(parked, place, { ...record, name }, dirs.inner, active);
    copySettings(parked, place, dirs.inner);
    if (active?.storage === 'none' && record.storage !== 'none') await forgetKept(place);
    await finish(place, dirs);
    return true;
  });
}

/**
 * Takes the connection's key from the keyring, unless another of its logins is sealed with it.
 * A key that can't be removed opens nothing any more.
 */
export async function forgetKey(place: LoginPlace, inner: PrivateDir): Promise<void> {
  const others = [
    placeOf({ ...place, account: undefined }),
    ...parkedNames(place, inner).map((name) => parkedPlace(place, name)),
  ];
  for (const other of others) if ((await standingRecord(other, inner))?.storage === 'keyring') return;
  const sources = await place.keys?.();
  if (sources === undefined) return;
  const { removeKey } = await import('./keyring.ts');
  await removeKey(place, sources.keyring).catch(() => {});
}

/**
 * Proves that a login can be called that beside the others.
 * @throws INVALID_ARGUMENT ACCOUNT_NAME_INVALID: on a file system that folds case two would share a file; as the agent does
 */
export async function checkBeside(place: LoginPlace & { readonly beside: string }): Promise<void> {
  const name = checkAccountName(place.beside);
  const accounts = await listAccounts(place);
  const active = accounts.find((one) => one.isActive && one.name !== name);
  if (active !== undefined) await checkKept(placeOf({ ...place, account: undefined }), active);
  const others = accounts.map((one) => one.name);
  const twin = others.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
  if (twin === undefined) return;
  const text = `There is an account "${twin}" already: "${name}" differs in case only.`;
  throw new AppError('INVALID_ARGUMENT', 'ACCOUNT_NAME_INVALID', text, { hint: `Use "${twin}", or another name.` });
}

/** Stores a new login as `place.beside`, active; an active one of another name stays beside it. Under the lock. */
export async function writeBeside(place: LoginPlace, dirs: LoginDirs, tokens: NewTokens): Promise<Credentials> {
  const active = await standingRecord(place, dirs.inner);
  await finish(place, dirs);
  if (active !== undefined && nameOf(active) !== place.beside) {
    await park(place, active, dirs.inner);
  }
  const written = await writeLogin(place, dirs, tokens);
  await finish(place, dirs);
  return written;
}

/** Copies the active login beside itself. How it was made goes first: a copy that is whole has that, too. */
async function park(place: LoginPlace, active: MetaRecord, inner: PrivateDir): Promise<void> {
  const parked = parkedPlace(place, nameOf(active));
  copySettings(place, parked, inner);
  await copyLogin(place, parked, active, inner);
}

/**
 * Copies a login, sealed or not. The binding goes first; with `before`, the record of what it replaces, so that a crash
 * leaves that one with its own binding.
 */
async function copyLogin(
  from: LoginPlace,
  to: LoginPlace,
  record: MetaRecord,
  inner: PrivateDir,
  before?: MetaRecord,
): Promise<void> {
  const isKept = record.storage === 'none';
  const text = isKept ? await textKept(from) : (readPrivateFile(inner, from.tokensName) ?? '');
  for (const name of [to.tokensName, to.metaName]) sweepTemporaries(inner, name);
  writeMeta(to, inner, before === undefined ? [record] : [record, before]);
  if (text !== undefined) await writeBody(to, inner, text, record);
  else await writeNothing(to, inner);
}

/** Of a login that each command makes anew. */
async function writeNothing(to: LoginPlace, inner: PrivateDir): Promise<void> {
  await forgetKept(to);
  if (removeIfThere(inner, to.tokensName)) inner.sync();
}

async function checkKept(place: LoginPlace, { storage }: Pick<MetaRecord, 'storage'>): Promise<void> {
  if (storage === 'none') await (await import('./kept-login.ts')).checkMovable(place);
}

async function forgetKept(place: LoginPlace): Promise<void> {
  await (await import('./kept-login.ts')).forgetPair(place);
}

async function textKept(from: LoginPlace): Promise<string | undefined> {
  const { keptText } = await import('./kept-login.ts');
  return (await keptText(from))?.reveal();
}

function copySettings(from: LoginPlace, to: LoginPlace, inner: PrivateDir): void {
  const settings = readPrivateFile(inner, settingsName(from));
  if (settings !== undefined) writeAtomically(inner, settingsName(to), settings, { onStep: to.onStep });
  else if (removeIfThere(inner, settingsName(to))) inner.sync();
}

/** Takes away what stands beside the active login under its own name, once its settings are the active ones. */
async function finish(place: LoginPlace, { inner }: LoginDirs): Promise<void> {
  const active = await standingRecord(place, inner);
  if (active === undefined) return;
  const left = parkedPlace(place, nameOf(active));
  const [, before] = readRecords(place, inner) ?? [];
  const isSwitched = before !== undefined && nameOf(before) !== nameOf(active);
  if (isSwitched && (await standingRecord(left, inner)) !== undefined) copySettings(left, place, inner);
  await removeCopy(left, inner);
}

/** The settings go with it; its tokens live on in the login that it is a copy of. */
async function removeCopy(place: LoginPlace, inner: PrivateDir): Promise<void> {
  if ((await standingRecord(place, inner))?.storage === 'none') await forgetKept(place);
  let found = false;
  for (const name of [place.tokensName, place.metaName, settingsName(place)]) {
    if (lstatSync(inner.at(name), { throwIfNoEntry: false }) === undefined) continue;
    place.onStep?.(`remove ${name}`);
    found = removeIfThere(inner, name) || found;
  }
  if (found) inner.sync();
}

function notHere(name: string): AppError {
  return new AppError('NOT_FOUND', 'ACCOUNT_NOT_HERE', `There is no login called "${name}" for this connection.`, {
    hint: `See what there is: fedctl auth ls\nOr log in: fedctl login --account ${name}`,
  });
}

function ofOtherServer({ file }: LoginPlace, { server }: MetaRecord): AppError {
  const text = `The login in ${file} is for ${server} and its own root certificates, not for what the connection says.`;
  return new AppError('UNAUTHENTICATED', 'CREDENTIALS_FOREIGN', text, { hint: 'Run: fedctl login' });
}

/** How the person asked, by name, to keep the active login. */
export async function rememberedStorage(options: CredentialOptions): Promise<StorageKind | undefined> {
  const place = placeOf(options);
  using dirs = openDirs(place, false);
  const record = dirs && (await standingRecord(place, dirs.inner));
  return record?.['storage-chosen'] === true ? (record.storage ?? 'file') : undefined;
}
