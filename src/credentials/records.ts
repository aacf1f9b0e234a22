import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { tokenClaims } from '../core/token-claims.ts';

/** Keys as flwr writes them; both type keys, because its releases look for one or the other (facts section 3). */
const ACCESS = 'flwr-oidc-access-token';
const REFRESH = 'flwr-oidc-refresh-token';
const META_VERSION = 1;

export interface TokenPair {
  readonly accessToken: Secret;
  readonly refreshToken: Secret;
}

/** What kind of server gave a login: a control plane of ours, or a SuperLink with Flower's login, over gRPC or HTTP. */
export type ServerKind = 'fedctl' | 'superlink-grpc' | 'superlink-http';
const KINDS: readonly unknown[] = ['fedctl', 'superlink-grpc', 'superlink-http'] satisfies ServerKind[];

/** How the tokens of a login are kept: plain, sealed with a key of the OS keyring or of a passphrase, or on no disk. */
export const STORAGE_KINDS = ['file', 'keyring', 'encrypted', 'none'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

export function isStorageKind(value: unknown): value is StorageKind {
  return (STORAGE_KINDS as readonly unknown[]).includes(value);
}

/** First key of a sealed file: no flwr takes it for its own. */
export const SEALED = 'fedctl-sealed';

/** What a token pair is bound to; lives beside it, because flwr would drop it. */
export interface MetaRecord {
  /** Origin `host:port` that the tokens may be sent to. */
  readonly server: string;
  /** SHA-256 of the root certificates (hex), or `system`. */
  readonly ca: string;
  readonly issuer: string;
  readonly session: string;
  readonly account: string;
  /** SHA-256 (hex) of the access token that `expires-in` is about. */
  readonly 'access-token-sha256': string;
  /** Epoch ms when the pair came, and seconds that the access token lived from then on. */
  readonly 'received-at': number;
  readonly 'expires-in': number;
  /** Boot of this machine and its uptime in ms when the pair came: counts true time when the wall clock jumps. */
  readonly boot: string;
  readonly uptime: number;
  /** How often a pair was written. */
  readonly generation: number;
  /** Absent for a control plane. */
  readonly kind?: ServerKind;
  /** Absent for `file`. */
  readonly storage?: StorageKind;
  /** The person asked for this storage by name: later logins of this connection keep it. */
  readonly 'storage-chosen'?: boolean;
  /** What the login is called here among those of its connection; absent where that is `account`. */
  readonly name?: string;
}

/** Names of a connection's logins; part of a file's name. */
const ACCOUNT_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** `text` if a login can be called that. @throws INVALID_ARGUMENT ACCOUNT_NAME_INVALID */
export function checkAccountName(text: string): string {
  if (ACCOUNT_NAME.test(text)) return text;
  const quoted = JSON.stringify(text.slice(0, 80));
  throw new AppError('INVALID_ARGUMENT', 'ACCOUNT_NAME_INVALID', `${quoted} can't name an account here.`, {
    hint: 'Use 1 to 64 of the characters A-Z a-z 0-9 _ -.',
  });
}

/** What a login is called that says no name: of a SuperLink. */
export const UNNAMED = 'default';

/** What a login is called among those of its connection. */
export function nameOf({ name, account }: Pick<MetaRecord, 'name' | 'account'>): string {
  return name ?? (account.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64) || UNNAMED);
}

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** What {@link MetaRecord.ca} says for these roots. */
export function caPin(rootCertificates: Uint8Array | undefined): string {
  return rootCertificates === undefined ? 'system' : sha256(rootCertificates);
}

export function tokensText({ accessToken, refreshToken }: TokenPair): string {
  const file = {
    'authn-type': 'oidc',
    'auth-type': 'oidc',
    [ACCESS]: accessToken.reveal(),
    [REFRESH]: refreshToken.reveal(),
  };
  return JSON.stringify(file, undefined, 4);
}

/** Newest first: the record before stays, so that a crash between the two files leaves the old login usable. */
export function metaText(records: readonly MetaRecord[]): string {
  return `${JSON.stringify({ version: META_VERSION, records }, undefined, 4)}\n`;
}

export function corrupt(path: string, what: string, cause?: unknown): AppError {
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_CORRUPT', `${path} ${what}.`, {
    hint: 'It was left as it is. Run: fedctl login',
    cause,
  });
}

/** @throws FAILED_PRECONDITION CREDENTIALS_CORRUPT */
export function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    throw corrupt(path, 'is damaged: it is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw corrupt(path, 'is damaged: it holds no object');
}

/** The refresh token is empty where the server gave none. @throws FAILED_PRECONDITION CREDENTIALS_CORRUPT */
export function parseTokens(text: string, path: string): TokenPair {
  const file = parseObject(text, path);
  const type = file['authn-type'] ?? file['auth-type'];
  if (type !== 'oidc') throw corrupt(path, 'is damaged: its type is not "oidc"');
  const [access, refresh] = [file[ACCESS], file[REFRESH]];
  if (typeof access !== 'string' || typeof refresh !== 'string' || access === '') {
    throw corrupt(path, 'is damaged: a token is missing');
  }
  if (!/^[\x21-\x7e]+$/.test(access + refresh)) throw corrupt(path, 'is damaged: a token has characters no token has');
  return { accessToken: new Secret(access), refreshToken: new Secret(refresh) };
}

const RECORD_TYPES = {
  server: 'string',
  ca: 'string',
  issuer: 'string',
  session: 'string',
  account: 'string',
  'access-token-sha256': 'string',
  'received-at': 'number',
  'expires-in': 'number',
  boot: 'string',
  uptime: 'number',
  generation: 'number',
} as const;

/** @throws FAILED_PRECONDITION CREDENTIALS_CORRUPT */
export function parseMeta(text: string, path: string): readonly MetaRecord[] {
  const { version, records } = parseObject(text, path);
  if (typeof version === 'number' && version > META_VERSION) throw corrupt(path, 'was written by a newer fedctl');
  const sound = (record: unknown): record is MetaRecord =>
    typeof record === 'object' &&
    record !== null &&
    KINDS.includes((record as Partial<MetaRecord>).kind ?? 'fedctl') &&
    isStorageKind((record as Partial<MetaRecord>).storage ?? 'file') &&
    ACCOUNT_NAME.test((record as Partial<MetaRecord>).name ?? UNNAMED) &&
    Object.entries(RECORD_TYPES).every(([key, type]) => typeof (record as Record<string, unknown>)[key] === type);
  if (version === META_VERSION && Array.isArray(records) && records.every(sound)) return records;
  throw corrupt(path, 'is damaged');
}

/** The record that speaks of this pair: the one it was written with, else the one of its issuer and session. */
export function recordOf(records: readonly MetaRecord[], { accessToken }: TokenPair): MetaRecord | undefined {
  const hash = sha256(accessToken.reveal());
  const own = records.find((record) => record['access-token-sha256'] === hash);
  if (own) return own;
  const { iss, sid } = tokenClaims(accessToken);
  return records.find((record) => iss !== undefined && record.issuer === iss && record.session === sid);
}

/** Boot id of this machine and ms since; the id is empty where it can't be known. */
export function bootClock(): { boot: string; uptime: number } {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const [seconds = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
    return { boot, uptime: Math.round(Number(seconds) * 1000) };
  } catch {
    return { boot: '', uptime: 0 };
  }
}

/** Ms of life left of the access token; at most 0 when it is over or can't be known. */
export function lifeLeft(record: MetaRecord, { accessToken }: TokenPair, now: number): number {
  if (record['access-token-sha256'] !== sha256(accessToken.reveal())) {
    // Written by flwr: only the token itself knows.
    const { exp } = tokenClaims(accessToken);
    return exp === undefined ? 0 : exp * 1000 - now;
  }
  return recordLife(record, now);
}

/** Ms of life left of the access token that a record was written with. */
export function recordLife(record: MetaRecord, now: number): number {
  const { boot, uptime } = bootClock();
  const sameBoot = boot !== '' && boot === record.boot;
  const elapsed = sameBoot ? uptime - record.uptime : now - record['received-at'];
  return elapsed < 0 ? 0 : record['expires-in'] * 1000 - elapsed;
}
