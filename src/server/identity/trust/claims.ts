import type { JsonObject } from '../jws.ts';
import { CLOCK_SKEW_MS } from '../keys.ts';
import { refused, subjectExpired } from './failures.ts';
import type { ParsedJwt } from './strict-jwt.ts';
import type { TrustOptions } from './types.ts';

const SECOND = 1000;
/** NumericDate of the year 5138; beyond that it is no time. */
const MAX_TIME = 1e11;

/**
 * What every token of that issuer has to say (security.md AT-03, AT-04, AT-07, AT-09, DP-01).
 * @returns its end, epoch ms
 * @throws UNAUTHENTICATED TOKEN_INVALID | TOKEN_EXPIRED
 */
export function checkClaims(claims: JsonObject, { issuer, audience }: TrustOptions, now: number): number {
  const { iss, aud, sub, exp, nbf, iat } = claims;
  if (iss !== issuer) throw refused('it is of another issuer');
  if (!names(aud).some((one) => audience.includes(one))) throw refused('it is for another audience');
  if ('cnf' in claims) throw refused('it is bound to a key of its holder (DPoP, mTLS), which is not supported');
  if (!isSubject(sub)) throw refused('it names no subject of 1 to 255 ASCII characters');
  if (!isTime(exp)) throw refused('it has no end');
  if (exp * SECOND <= now) throw subjectExpired();
  const soon = (now + CLOCK_SKEW_MS) / SECOND;
  if (!isAbsentOr(nbf, soon) || !isAbsentOr(iat, soon)) throw refused('it is not valid yet, or its times are none');
  return exp * SECOND;
}

/** Claims that RFC 9068 section 2.2 demands beside those (AT-08). */
export function checkProfile({ client_id, iat, jti }: JsonObject): void {
  const isWhole = isName(client_id) && isTime(iat) && isName(jti);
  if (!isWhole) throw refused('it lacks client_id, iat or jti, which an access token of RFC 9068 has');
}

/** Header types that a JWT of the "any" profile may have; others say that it is for something else (RFC 8725 3.11). */
const ANY_TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt', 'application/at+jwt', 'application/jwt'];
const PROFILE_TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt'];
/** What only an ID token has (OIDC Core 2 and 3.3.2.11). */
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash'];
/** And what only an access token has (RFC 9068 2.2, RFC 8693 4.2; Entra ID). `azp` is none: ID tokens have it, too. */
const OF_ACCESS_TOKENS = ['client_id', 'scp', 'scope', 'azpacr', 'appidacr'];

export function checkType(type: unknown, { tokenType }: Pick<TrustOptions, 'tokenType'>): void {
  const known = typeof type === 'string' ? type.toLowerCase() : type;
  if (!(tokenType === 'at+jwt' ? PROFILE_TYPES : ANY_TYPES).includes(known))
    throw refused('its type is not one of an access token');
}

/**
 * An ID token tells the client of a login who logged in; taken for an access token, any web site that people log in to
 * could act in their name (AT-02).
 */
export function checkNoIdToken({ header, claims }: ParsedJwt, { loginClients, isLoginIssuer }: TrustOptions): void {
  const isIdToken =
    OF_ID_TOKENS.some((name) => Object.hasOwn(claims, name)) ||
    claims.typ === 'ID' ||
    names(claims.aud).some((one) => loginClients.includes(one));
  if (isIdToken || (isLoginIssuer && !isAccessToken(header, claims)))
    throw refused('it looks like an ID token of a login, not like an access token');
}

/** Keycloak says "Bearer" in the payload; its ID tokens say "ID". */
function isAccessToken({ typ }: JsonObject, claims: JsonObject): boolean {
  const isProfile = typeof typ === 'string' && PROFILE_TYPES.includes(typ.toLowerCase());
  return isProfile || claims.typ === 'Bearer' || OF_ACCESS_TOKENS.some((name) => Object.hasOwn(claims, name));
}

export const isSubject = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]{1,255}$/.test(value);

const isName = (value: unknown) => typeof value === 'string' && value !== '' && value.length <= 1024;

const isTime = (value: unknown): value is number => typeof value === 'number' && value > 0 && value < MAX_TIME;

const isAbsentOr = (time: unknown, latest: number) => time === undefined || (isTime(time) && time <= latest);

/** An audience: one name or several. Anything else names nobody. */
function names(aud: unknown): readonly string[] {
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) && aud.every((one) => typeof one === 'string') ? aud : [];
}
