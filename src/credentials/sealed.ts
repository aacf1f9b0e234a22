import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { corrupt, parseObject, parseTokens, SEALED, sha256, type TokenPair, tokensText } from './records.ts';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Parameters of scrypt (RFC 7914 section 2) that made a key of a passphrase; the salt in base64. */
export interface ScryptFacts {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
}

/** What is known of the key that a file is sealed with; `check` (hex) tells a wrong key from a damaged file. */
export type KeyFacts =
  | { readonly kind: 'keyring'; readonly check: string }
  | ({ readonly kind: 'passphrase'; readonly check: string } & ScryptFacts);

/** What a sealed file is bound to, in the clear and authenticated: moved or edited, it doesn't open. */
export interface SealedBinding {
  readonly server: string;
  readonly ca: string;
  readonly session: string;
  /** SHA-256 (hex) of the access token: names the record that speaks of it. */
  readonly token: string;
}

export interface Sealed extends SealedBinding {
  readonly key: KeyFacts;
  readonly nonce: Buffer;
  /** Ciphertext and tag. */
  readonly data: Buffer;
}

export function keyCheck(key: Uint8Array): string {
  return createHmac('sha256', key).update('fedctl key check').digest('hex').slice(0, 32);
}

export function isKeyOf(key: Uint8Array, { check }: KeyFacts): boolean {
  const [own, other] = [Buffer.from(keyCheck(key)), Buffer.from(check)];
  return own.length === other.length && timingSafeEqual(own, other);
}

/** Text of a file that only `key` opens: AES-256-GCM over the same text that a plain file has. */
export function sealPair(
  pair: TokenPair,
  { server, ca, session }: Omit<SealedBinding, 'token'>,
  { key, facts }: { readonly key: Uint8Array; readonly facts: KeyFacts },
): string {
  const bound = { server, ca, session, token: sha256(pair.accessToken.reveal()), key: facts };
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundBytes(bound));
  const data = Buffer.concat([cipher.update(tokensText(pair), 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const file = { [SEALED]: VERSION, ...bound, nonce: nonce.toString('base64'), data: data.toString('base64') };
  return `${JSON.stringify(file, undefined, 4)}\n`;
}

/** @throws FAILED_PRECONDITION CREDENTIALS_CORRUPT: the key is right, so it is the file that is not */
export function openSealed(sealed: Sealed, key: Uint8Array, path: string): TokenPair {
  return parseTokens(decrypt(sealed, key, path), path);
}

function decrypt(sealed: Sealed, key: Uint8Array, path: string): string {
  const { nonce, data } = sealed;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundBytes(sealed));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    throw corrupt(path, 'is damaged, or was changed');
  }
}

function boundBytes({ server, ca, session, token, key }: SealedBinding & { readonly key: KeyFacts }): Buffer {
  const scrypt = key.kind === 'passphrase' ? [key.n, key.r, key.p, key.salt] : [];
  return Buffer.from(JSON.stringify([VERSION, server, ca, session, token, key.kind, key.check, ...scrypt]));
}

/** @throws FAILED_PRECONDITION CREDENTIALS_CORRUPT */
export function parseSealed(text: string, path: string): Sealed {
  const file = parseObject(text, path);
  const version = file[SEALED];
  if (typeof version === 'number' && version > VERSION) throw corrupt(path, 'was written by a newer fedctl');
  const { server, ca, session, token } = file;
  const [key, nonce, data] = [parseKey(file.key), bytesOf(file.nonce), bytesOf(file.data)];
  const isBound = [server, ca, session, token].every((value) => typeof value === 'string');
  if (version !== VERSION || !isBound || !key || nonce?.length !== NONCE_BYTES || !data || data.length <= TAG_BYTES) {
    throw corrupt(path, 'is damaged');
  }
  return { ...(file as unknown as SealedBinding), key, nonce, data };
}

function parseKey(value: unknown): KeyFacts | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, check, n, r, p, salt } = value as Partial<Record<string, unknown>>;
  if (typeof check !== 'string' || !/^[0-9a-f]{32}$/.test(check)) return undefined;
  if (kind === 'keyring') return { kind, check };
  if (kind !== 'passphrase' || typeof salt !== 'string' || bytesOf(salt)?.length !== 16) return undefined;
  // Within reason: these come from a file, and cost memory and time.
  if (!isWithin(n, 2 ** 14, 2 ** 20) || !isWithin(r, 8, 16) || !isWithin(p, 1, 4)) return undefined;
  return Number.isInteger(Math.log2(n)) ? { kind, check, n, r, p, salt } : undefined;
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  return Buffer.from(value, 'base64');
}
