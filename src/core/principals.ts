import { createHash } from 'node:crypto';
import type { AccessObject } from './access.ts';
import type { Account } from './accounts.ts';

/** The single `system` object. */
export const SYSTEM_OBJECT = 'system:fedctl';

/** OpenFGA ends at 512 characters for the user of a tuple; this leaves room for type and alias. */
const MAX_SUBJECT = 400;

/** An alias as configured has 32 at most. */
const MAX_ALIAS = 66;

/** Groups are objects too, and those end at 256 characters. */
const MAX_GROUP = 160;

/**
 * Percent-encodes outside `[A-Za-z0-9._-]` over UTF-8; above `max` bytes `h|` and the SHA-256 in hex.
 * Injective and total: `|` occurs in no encoded text, and lone surrogates are kept apart by their UTF-16 code (`%uD800`).
 */
export function encodeId(text: string, max: number = MAX_SUBJECT): string {
  let out = '';
  for (const char of text) {
    if (/^[A-Za-z0-9._-]$/.test(char)) out += char;
    else if (/^[\uD800-\uDFFF]$/.test(char)) out += `%u${char.charCodeAt(0).toString(16).toUpperCase()}`;
    else for (const byte of Buffer.from(char)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out.length > max ? `h|${createHash('sha256').update(out).digest('hex')}` : out;
}

/** `user:<issuer alias>|<encoded sub>`. Encoding leaves an alias as the configuration allows it unchanged, and keeps `|` out of any other. */
export function userPrincipal(issuerAlias: string, subject: string): string {
  return `user:${encodeId(issuerAlias, MAX_ALIAS)}|${encodeId(subject)}`;
}

/** The OpenFGA user that an account is: `user:...` or `service_account:...`. */
export function accountPrincipal({
  kind,
  issuerAlias,
  subject,
}: Pick<Account, 'kind' | 'issuerAlias' | 'subject'>): string {
  const principal = userPrincipal(issuerAlias, subject);
  return kind === 'user' ? principal : principal.replace(/^user:/, 'service_account:');
}

/** `group:claim|<issuer alias>|<encoded name>`: a group as an issuer's token names it. */
export function claimGroup(issuerAlias: string, name: string): string {
  return `group:claim|${encodeId(issuerAlias, MAX_ALIAS)}|${encodeId(name, MAX_GROUP)}`;
}

/** `group:local|<encoded name>`: a group whose members are granted here. */
export function localGroup(name: string): string {
  return `group:local|${encodeId(name, MAX_GROUP)}`;
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
    case 'supernode':
      return `supernode:${encodeId(object.id, MAX_GROUP)}`;
  }
}
