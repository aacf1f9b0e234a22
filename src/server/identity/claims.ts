import type { Identity } from '../../core/accounts.ts';
import { providerAnswerInvalid } from './failures.ts';

/** Claims of an ID token whose signature and protocol claims have been checked. */
export type IdTokenClaims = Readonly<Record<string, unknown>>;

export interface ClaimsMapping {
  readonly issuer: string;
  readonly issuerAlias: string;
  /** Name of the claim with group names; undefined: groups are not taken over. */
  readonly groupsClaim: string | undefined;
  /** Name of the claim that the handle is made from. */
  readonly usernameClaim: string;
}

const MAX_TEXT = 255;
const MAX_GROUPS = 2000;

/**
 * The person of an ID token. Who it is, is (iss, sub); all else is for display.
 * @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE where `sub` is not 1 to 255 ASCII characters (OIDC Core 2, AT-09)
 */
export function identityOf(claims: IdTokenClaims, mapping: ClaimsMapping, now: number): Identity {
  const subject = claims.sub;
  if (typeof subject !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(subject))
    throw providerAnswerInvalid(new Error('ID token: sub is not 1 to 255 printable ASCII characters'));
  // Who may be found by an address to be granted something should have it: what the provider says is unproven, is none.
  const email = claims.email_verified === false ? '' : display(claims.email);
  const preferredName = display(claims[mapping.usernameClaim]) || email.split('@')[0] || subject;
  return {
    kind: 'user',
    issuer: mapping.issuer,
    issuerAlias: mapping.issuerAlias,
    subject,
    preferredName,
    displayName: display(claims.name) || preferredName,
    email,
    groups: mapping.groupsClaim === undefined ? [] : groupNames(claims[mapping.groupsClaim]),
    authTime: seconds(claims.auth_time) ?? seconds(claims.iat) ?? now,
  };
}

/** Text for people: no control or direction characters, bounded. */
export function display(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .slice(0, MAX_TEXT)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '')
    .trim();
}

/** More groups than that are cut: what is lost can only take rights away. */
function groupNames(value: unknown): string[] {
  const list = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
  const names = list.filter(
    (name): name is string => typeof name === 'string' && name !== '' && name.length <= MAX_TEXT,
  );
  return [...new Set(names)].slice(0, MAX_GROUPS);
}

const seconds = (value: unknown) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value * 1000 : undefined;
