import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../core/clock.ts';

/** What a provider says with a logout token: whose sessions have ended, or which one of them. */
export interface LogoutNotice {
  readonly subject: string | undefined;
  readonly sid: string | undefined;
  readonly jti: string;
  /** Epoch ms; from then on the token counts for nothing, so that its `jti` may be forgotten. */
  readonly endsAt: number;
}

export interface LogoutTokens {
  /** @throws Error for anything but a good token of this provider for this client; AppError where its keys can't be had */
  read(token: string): Promise<LogoutNotice>;
}

export interface LogoutTokenOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly readKeys: () => Promise<JSONWebKeySet>;
  readonly clock: Clock;
}

/** Signatures with a public key only: the sender may be anybody. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Section 2.4 recommends the first; providers also write the second, or none. */
const TYPES: readonly unknown[] = ['logout+jwt', 'jwt', undefined];
const MAX_TOKEN = 16 * 1024;
const MAX_TEXT = 255;
const MAX_AGE_MS = 10 * 60_000;
const SKEW_MS = 60_000;
const KEYS_FRESH_MS = 300_000;
/** For a key id that nobody knows the keys are read again, but not more often than that. */
const KEYS_PAUSE_MS = 10_000;
/** After a read that failed. */
const KEYS_RETRY_MS = 1000;

/** Reads logout tokens of one provider (OpenID Connect Back-Channel Logout 1.0, section 2.6; security.md LO-01). */
export function createLogoutTokens({ issuer, clientId, readKeys, clock }: LogoutTokenOptions): LogoutTokens {
  const keys = createKeys({ readKeys, clock });
  return {
    async read(token) {
      if (token.length > MAX_TOKEN) throw new Error('longer than a logout token is');
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        audience: clientId,
        algorithms: ALGORITHMS,
        requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events'],
        clockTolerance: SKEW_MS / 1000,
        currentDate: new Date(clock.now()),
      });
      if (!TYPES.includes(protectedHeader.typ?.toLowerCase().replace(/^application\//, ''))) throw new Error('typ');
      return noticeOf(payload, clock.now());
    },
  };
}

function noticeOf(claims: JWTPayload, now: number): LogoutNotice {
  const { iat = 0, exp, jti, sub, sid, events } = claims;
  const endsAt = Math.min(iat * 1000 + MAX_AGE_MS, exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000) + SKEW_MS;
  if (iat * 1000 > now + SKEW_MS || endsAt <= now) throw new Error('iat: not of now');
  if (!isText(jti)) throw new Error('jti');
  const event =
    isObject(events) && Object.hasOwn(events, EVENT) ? (events as Record<string, unknown>)[EVENT] : undefined;
  if (!isObject(event)) throw new Error('events: not of a logout');
  // An ID token has one: nobody can pass it off as a logout token.
  if ('nonce' in claims) throw new Error('nonce: not of a logout token');
  if (sub !== undefined && !isText(sub)) throw new Error('sub');
  if (sid !== undefined && !isText(sid)) throw new Error('sid');
  if (sub === undefined && sid === undefined) throw new Error('neither sub nor sid');
  return { subject: sub, sid: sid as string | undefined, jti, endsAt };
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The provider's keys, read when they are needed. Strangers can send tokens here, so that reading again has its pace. */
function createKeys({ readKeys, clock }: Pick<LogoutTokenOptions, 'readKeys' | 'clock'>) {
  type Find = ReturnType<typeof createLocalJWKSet>;
  let known: { find: Find; at: number } | undefined;
  let failed: { error: unknown; at: number } | undefined;
  let reading: Promise<Find> | undefined;

  async function read(): Promise<Find> {
    const at = clock.monotonic();
    try {
      const find = createLocalJWKSet(await readKeys());
      [known, failed] = [{ find, at }, undefined];
      return find;
    } catch (error) {
      failed = { error, at: clock.monotonic() };
      throw error;
    }
  }
  const renew = async (): Promise<Find> => {
    if (failed && clock.monotonic() - failed.at < KEYS_RETRY_MS) throw failed.error;
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const age = () => (known ? clock.monotonic() - known.at : Number.POSITIVE_INFINITY);

  return async (...asked: Parameters<Find>): ReturnType<Find> => {
    const find = known && age() < KEYS_FRESH_MS ? known.find : await renew();
    try {
      return await find(...asked);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY' || age() < KEYS_PAUSE_MS) throw error;
      return (await renew())(...asked);
    }
  };
}
