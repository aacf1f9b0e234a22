import { createHash } from 'node:crypto';
import type { AccessObject } from './access.ts';

/** The single `system` object. */
export const SYSTEM_OBJECT = 'system:fedctl';

/** OpenFGA ends at 512 bytes for `type:id`; this leaves room for type and alias. */
const MAX_ENCODED = 400;

/**
 * Percent-encodes outside `[A-Za-z0-9._-]` over UTF-8; above 400 bytes `h|` and the SHA-256 in hex.
 * Injective and total: `|` occurs in no encoded text, and lone surrogates are kept apart by their UTF-16 code (`%uD800`).
 */
export function encodeId(text: string): string {
  let out = '';
  for (const char of text) {
    if (/^[A-Za-z0-9._-]$/.test(char)) out += char;
    else if (/^[\uD800-\uDFFF]$/.test(char)) out += `%u${char.charCodeAt(0).toString(16).toUpperCase()}`;
    else for (const byte of Buffer.from(char)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out.length > MAX_ENCODED ? `h|${createHash('sha256').update(out).digest('hex')}` : out;
}

/** `user:<issuer alias>|<encoded sub>` */
export function userPrincipal(issuerAlias: string, subject: string): string {
  return `user:${issuerAlias}|${encodeId(subject)}`;
}

/** `group:claim|<issuer alias>|<encoded name>`: a group as an issuer's token names it. */
export function claimGroup(issuerAlias: string, name: string): string {
  return `group:claim|${issuerAlias}|${encodeId(name)}`;
}

/** `group:local|<encoded name>`: a group whose members are granted here. */
export function localGroup(name: string): string {
  return `group:local|${encodeId(name)}`;
}

/** The OpenFGA object of what a right is asked on. */
export function objectId(object: AccessObject): string {
  switch (object.type) {
    case 'system':
      return SYSTEM_OBJECT;
    case 'federation':
      return `federation:${object.id}`;
    case 'run':
      return `run:${object.id}`;
    case 'group':
      return localGroup(object.name);
  }
}
