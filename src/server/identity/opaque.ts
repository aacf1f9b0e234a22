import { createHash, randomBytes } from 'node:crypto';

/** Prefixes make a leaked value recognisable to secret scanners and to people. */
export const REFRESH_TOKEN_PREFIX = 'fedrt_';
export const LOGIN_HANDLE_PREFIX = 'fedlg_';

/** 256 random bits in base64url behind a prefix. */
export function newOpaque(prefix: string): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** SHA-256 in hex of an opaque value of this prefix; undefined where `text` can't be one, so that junk costs no query. */
export function opaqueHash(text: string, prefix: string): string | undefined {
  if (text.length !== prefix.length + 43 || !text.startsWith(prefix)) return undefined;
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  return sha256(text);
}

/** In hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A random row id, 128 bits. */
export function newId(): string {
  return randomBytes(16).toString('base64url');
}
