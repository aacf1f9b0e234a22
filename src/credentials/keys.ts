import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { type AgentLabel, type KeyAgent, keyId, type LoginId } from './key-agent.ts';
import { makeKey, type OpenKeyring, readKey } from './keyring.ts';
import { deriveKey, newPassphraseKey } from './passphrase.ts';
import { isKeyOf, type KeyFacts, keyCheck, type ScryptFacts } from './sealed.ts';

/** A key, and what its file says of it. */
export interface KnownKey {
  readonly key: Buffer;
  readonly facts: KeyFacts;
}

export interface PassphraseQuestion {
  /** Path of the credential file. */
  readonly path: string;
  /** A new one is wanted, to seal with. */
  readonly isNew: boolean;
  /** How many before were wrong. */
  readonly wrong: number;
}

/** Where keys come from. */
export interface KeySources {
  /** Undefined where none is running. */
  readonly agent: () => Promise<KeyAgent | undefined>;
  readonly keyring: OpenKeyring;
  /** @throws UNAUTHENTICATED PASSPHRASE_NEEDED where nobody can be asked, PASSPHRASE_WRONG where asking again is no use */
  readonly passphrase: (question: PassphraseQuestion) => Promise<Secret>;
  /** What a new passphrase's key costs; absent: as much as is proper. For tests. */
  readonly cost?: Omit<ScryptFacts, 'salt'>;
  /** Keys that this process has learned: nobody is asked twice. */
  readonly known: Map<string, KnownKey>;
}

/** A sealed file, or one to be. */
export interface KeyPlace extends LoginId {
  /** Path of the file itself: of another account it is not the connection's. */
  readonly file: string;
  readonly account: string;
}

/**
 * The key of a sealed file.
 * @throws FAILED_PRECONDITION KEYRING_UNAVAILABLE, KEYRING_KEY_MISSING; UNAUTHENTICATED PASSPHRASE_NEEDED, PASSPHRASE_WRONG
 */
export async function openingKey(place: KeyPlace, facts: KeyFacts, sources: KeySources): Promise<Buffer> {
  const id = idOf(place, facts);
  const known = sources.known.get(id);
  if (known && isKeyOf(known.key, facts)) return known.key;
  const key = facts.kind === 'keyring' ? await fromKeyring(place, facts, sources) : await unlock(place, facts, sources);
  sources.known.set(id, { key, facts });
  return key;
}

function idOf(place: KeyPlace, facts: KeyFacts): string {
  return keyId(place, facts.kind === 'passphrase' ? facts.salt : '');
}

async function fromKeyring(place: KeyPlace, facts: KeyFacts, { agent, keyring }: KeySources): Promise<Buffer> {
  const held = await (await agent())?.key(idOf(place, facts));
  if (held && isKeyOf(held, facts)) return held;
  const key = await readKey(place, keyring);
  if (key === undefined || !isKeyOf(key, facts)) throw keyMissing(place);
  return key;
}

function keyMissing({ file }: KeyPlace): AppError {
  const text = `The keyring has no key for the login in ${file}.`;
  return new AppError('FAILED_PRECONDITION', 'KEYRING_KEY_MISSING', text, {
    hint: 'It was removed there, or the file was moved. The file was left as it is. Run: fedctl login',
  });
}

async function unlock(
  place: KeyPlace,
  facts: KeyFacts & ScryptFacts,
  { agent, passphrase }: KeySources,
): Promise<Buffer> {
  const held = await (await agent())?.key(idOf(place, facts));
  if (held && isKeyOf(held, facts)) return held;
  for (let wrong = 0; ; wrong += 1) {
    const key = await deriveKey(await passphrase({ path: place.file, isNew: false, wrong }), facts);
    if (!isKeyOf(key, facts)) continue;
    await handOver(place, { key, facts }, agent);
    return key;
  }
}

/** The agent spares the next question. That it can't is no reason to fail. */
async function handOver(place: KeyPlace, { key, facts }: KnownKey, agent: KeySources['agent']): Promise<void> {
  const label: AgentLabel = { file: place.file, server: place.origin, account: place.account };
  await agent()
    .then((held) => held?.putKey(idOf(place, facts), key, label))
    .catch(() => {});
}

/**
 * The key to seal with: the one that `old` was opened with, else the connection's in the keyring, else one of a new
 * passphrase. What was made for a login before somebody was sent to log in is what is used after it.
 * @throws as {@link openingKey} does
 */
export async function sealingKey(
  place: KeyPlace,
  kind: KeyFacts['kind'],
  old: KeyFacts | undefined,
  sources: KeySources,
): Promise<KnownKey> {
  const { known } = sources;
  const before = old?.kind === kind ? known.get(idOf(place, old)) : undefined;
  const ready = before ?? known.get(newId(place, kind));
  if (ready) return ready;
  const made = kind === 'keyring' ? await keyringKey(place, sources) : await askForNew(place, sources);
  known.set(newId(place, kind), made);
  known.set(idOf(place, made.facts), made);
  return made;
}

function newId(place: KeyPlace, kind: KeyFacts['kind']): string {
  return `new ${kind} ${keyId(place, '')}`;
}

async function keyringKey(place: KeyPlace, { keyring }: KeySources): Promise<KnownKey> {
  const key = await makeKey(place, keyring);
  return { key, facts: { kind: 'keyring', check: keyCheck(key) } };
}

async function askForNew(place: KeyPlace, { passphrase, agent, cost }: KeySources): Promise<KnownKey> {
  const made = await newPassphraseKey(await passphrase({ path: place.file, isNew: true, wrong: 0 }), cost);
  await handOver(place, made, agent);
  return made;
}
