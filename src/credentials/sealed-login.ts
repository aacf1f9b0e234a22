import { AppError } from '../core/errors.ts';
import { type KeyPlace, type KeySources, openingKey, sealingKey } from './keys.ts';
import type { LoginPlace } from './login-place.ts';
import { type PrivateDir, readPrivateFile } from './private-dir.ts';
import type { MetaRecord, TokenPair } from './records.ts';
import { type KeyFacts, openSealed, parseSealed, sealPair } from './sealed.ts';

/**
 * Opens a sealed login. `check` is asked first whether the pair, named by the hash of its access token, may be used here.
 * @throws what `check` and keys do; FAILED_PRECONDITION CREDENTIALS_CORRUPT
 */
export async function openLogin(
  place: LoginPlace,
  text: string,
  check: (token: string) => MetaRecord,
): Promise<{ pair: TokenPair; record: MetaRecord }> {
  const sealed = parseSealed(text, place.file);
  const record = check(sealed.token);
  const key = await openingKey(keyPlace(place, record), sealed.key, await sourcesOf(place));
  const pair = openSealed(sealed, key, place.file);
  return { pair, record };
}

/** Text of a pair, sealed for its record. @throws as keys do */
export async function sealLogin(
  place: LoginPlace,
  inner: PrivateDir,
  pair: TokenPair,
  record: MetaRecord,
): Promise<string> {
  const kind = place.storage?.kind === 'keyring' ? 'keyring' : 'passphrase';
  const sources = await sourcesOf(place);
  const key = await sealingKey(keyPlace(place, record), kind, factsBefore(place, inner), sources);
  return sealPair(pair, record, key);
}

/** Makes or asks for the key of a login to come, or proves that its agent answers. @throws as keys and the agent do */
export async function prepareKey(place: LoginPlace, inner: PrivateDir): Promise<void> {
  if (place.storage?.kind === 'none') return await (await import('./kept-login.ts')).checkAgent(place);
  if (place.storage?.kind !== 'keyring' && place.storage?.kind !== 'encrypted') return;
  const kind = place.storage.kind === 'keyring' ? 'keyring' : 'passphrase';
  await sealingKey(keyPlace(place, { account: '' }), kind, factsBefore(place, inner), await sourcesOf(place));
}

function factsBefore(place: LoginPlace, inner: PrivateDir): KeyFacts | undefined {
  try {
    const text = readPrivateFile(inner, place.tokensName);
    return text === undefined ? undefined : parseSealed(text, place.file).key;
  } catch {
    // Damaged, or not sealed: what comes replaces it.
    return undefined;
  }
}

function keyPlace({ origin, path, file }: LoginPlace, { account }: Pick<MetaRecord, 'account'>): KeyPlace {
  return { origin, path, file, account };
}

async function sourcesOf({ keys, file }: LoginPlace): Promise<KeySources> {
  const sources = await keys?.();
  if (sources !== undefined) return sources;
  throw new AppError('FAILED_PRECONDITION', 'CREDENTIALS_SEALED', `The login in ${file} is sealed.`);
}
