import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { isScope, type Scope } from '../../core/scopes.ts';
import { tokenExpired, tokenInvalid } from './failures.ts';
import { type Compact, type JsonObject, parseCompact, signCompact, verifyCompact } from './jws.ts';
import { CLOCK_SKEW_MS, type SigningKeys } from './keys.ts';
import { createLru } from './lru.ts';

/** Claims of our access tokens: the profile of RFC 9068 with `sid` and `gen`. Times are epoch seconds. */
export interface AccessClaims {
  readonly iss: string;
  readonly aud: string;
  /** Account id. */
  readonly sub: string;
  /** Session id and its generation. */
  readonly sid: string;
  readonly gen: number;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /** What it is limited to (RFC 8693 section 4.2), by spaces; absent = all that the session may. */
  readonly scope?: string;
}

/** What a token is limited to. */
export interface Narrowing {
  readonly scopes?: readonly Scope[] | undefined;
  /** Another service than this server, which then refuses it (security.md AT-04). */
  readonly audience?: string | undefined;
}

export interface AccessTokens {
  /** @returns the token and its end in epoch ms: after the life set, and never after `notAfter` (epoch ms). */
  mint(
    subject: { sub: string; sid: string; gen: number },
    notAfter: number,
    narrowing?: Narrowing,
  ): Promise<{ token: string; end: number }>;
  /** @throws UNAUTHENTICATED TOKEN_INVALID | TOKEN_EXPIRED */
  verify(token: string): Promise<AccessClaims>;
  /** As `verify`, but tells an expired token of ours apart instead of throwing: it may steer a renewal (RT-08). */
  inspect(token: string): Promise<{ claims: AccessClaims; expired: boolean }>;
}

export interface AccessTokensOptions {
  /** Public URL of this server: `iss`. */
  readonly issuer: string;
  /** Resource identifier (RFC 8707) of this server: `aud`. */
  readonly audience: string;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly ttlMs: number;
  /** Verified tokens that are remembered; each costs some 300 bytes. */
  readonly cacheSize?: number;
}

const CLIENT_ID = 'fedctl';
const TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt'];

export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { keys, clock, ttlMs } = options;
  // The signature is checked once per token; its end, its key and its session at each call. So nothing lives longer for it.
  const verified = createLru<{ kid: string; claims: AccessClaims }>(options.cacheSize ?? 5000);

  async function signed(token: string): Promise<{ kid: string; claims: AccessClaims }> {
    const parsed = parseCompact(token);
    // Of another issuer: its key id is none of ours, and looking for it would read the store at every call.
    if (parsed?.payload.iss !== options.issuer) throw tokenInvalid();
    const { kid } = await checkSignature(parsed, keys);
    const claims = checkClaims(parsed.payload, options);
    if (!claims) throw tokenInvalid();
    return { kid, claims };
  }

  async function inspect(token: string) {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = verified.get(digest);
    const { kid, claims } = known ?? (await signed(token));
    const key = await keys.verifier(kid);
    const expired = claims.exp * 1000 <= clock.now();
    if (!key || (!expired && !key.live())) throw tokenInvalid();
    if (expired) verified.delete(digest);
    else if (!known) verified.set(digest, { kid, claims });
    return { claims, expired };
  }

  return {
    inspect,
    async verify(token) {
      const { claims, expired } = await inspect(token);
      if (expired) throw tokenExpired();
      return claims;
    },
    async mint(subject, notAfter, { scopes, audience = options.audience } = {}) {
      const { kid, key } = await keys.signer();
      const now = clock.now();
      const exp = Math.floor(Math.min(now + ttlMs, notAfter) / 1000);
      const claims: AccessClaims = {
        iss: options.issuer,
        aud: audience,
        ...subject,
        client_id: CLIENT_ID,
        iat: Math.floor(now / 1000),
        exp,
        jti: randomUUID(),
        ...(scopes && { scope: scopes.join(' ') }),
      };
      return { token: signCompact({ alg: 'ES256', typ: 'at+jwt', kid }, { ...claims }, key), end: exp * 1000 };
    },
  };
}

/**
 * The key is ours, found by its id alone; the algorithm is the key's. `jku`, `jwk`, `x5u`, `x5c` are never looked at
 * (security.md AT-10), `crit` and `b64` refused (AT-11).
 */
async function checkSignature(parsed: Compact, keys: SigningKeys): Promise<{ kid: string }> {
  const { header } = parsed;
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase() : undefined;
  if (!TYPES.includes(type) || 'crit' in header || 'b64' in header) throw tokenInvalid();
  if (typeof header.kid !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(header.kid)) throw tokenInvalid();
  const key = await keys.verifier(header.kid);
  if (!key || header.alg !== key.alg || !verifyCompact(parsed, key.key)) throw tokenInvalid();
  return { kid: header.kid };
}

/** The claims where each is present and of its type, all of them ours (AT-03, AT-04, AT-07, AT-08, AT-09, DP-01). */
function checkClaims(payload: JsonObject, { issuer, audience, clock }: AccessTokensOptions): AccessClaims | undefined {
  const { iss, aud, sub, sid, gen, client_id, iat, exp, nbf, jti, scope } = payload;
  const soon = (clock.now() + CLOCK_SKEW_MS) / 1000;
  const ours = iss === issuer && (aud === audience || (Array.isArray(aud) && aud.includes(audience)));
  if (!ours || 'cnf' in payload) return undefined;
  if (!isName(sub) || !isName(sid) || !isName(jti) || client_id !== CLIENT_ID || !isCount(gen)) return undefined;
  if (!isCount(iat) || !isCount(exp) || iat > soon || exp <= iat) return undefined;
  if (nbf !== undefined && (!isCount(nbf) || nbf > soon)) return undefined;
  if (scope !== undefined && typeof scope !== 'string') return undefined;
  const claims = { iss: issuer, aud: audience, sub, sid, gen, client_id: CLIENT_ID, iat, exp, jti };
  return scope === undefined ? claims : { ...claims, scope };
}

/** What a token is limited to; undefined = nothing. A scope that this release does not know gives nothing. */
export function scopesOf({ scope }: Pick<AccessClaims, 'scope'>): readonly Scope[] | undefined {
  return scope?.split(' ').filter(isScope);
}

const isName = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
