import { createHash } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import { isAppError } from '../../../core/errors.ts';
import type { JsonObject } from '../jws.ts';
import { CLOCK_SKEW_MS } from '../keys.ts';
import { createLru } from '../lru.ts';
import type { Transport } from '../transport.ts';
import { checkClaims, checkNoIdToken, checkType } from './claims.ts';
import type { Endpoints } from './endpoints.ts';
import { issuerUnavailable, refused } from './failures.ts';
import type { ParsedJwt } from './strict-jwt.ts';
import { GOOD_MS, type TrustOptions, type Validator, type ValidToken } from './types.ts';

/** By asking the issuer, for tokens that say nothing by themselves. */

const MAX_REMEMBERED = 10_000;
/** Requests to one issuer at a time; more would only wait. */
const MAX_ASKING = 32;
/** So long a "no" holds. */
const BAD_MS = 5000;

interface OnlineParts {
  readonly endpoints: Endpoints;
  readonly transport: Transport;
  readonly clock: Clock;
}

type Ask = (issuer: TrustOptions, token: string, parts: OnlineParts) => Promise<JsonObject>;

/** RFC 7662. Whatever isn't a plain "active: true" is a no (security.md IN-01). */
async function introspect(issuer: TrustOptions, token: string, { endpoints, transport }: OnlineParts) {
  const { clientId = '', clientSecret } = issuer;
  const basic = [clientId, clientSecret?.reveal() ?? ''].map((text) =>
    new URLSearchParams([['', text]]).toString().slice(1),
  );
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${Buffer.from(basic.join(':')).toString('base64')}`,
  };
  const body = new URLSearchParams({ token, token_type_hint: 'access_token' });
  const url = await endpoints.find('introspection_endpoint');
  const response = await transport.fetch(url, { method: 'POST', headers, body, redirect: 'manual' });
  if (response.status !== 200) throw new Error(`introspection: status ${response.status}`);
  const answer = objectOf(await response.json());
  if (answer.active !== true) throw refused('its issuer says that it is not in force');
  if (answer.typ === 'Refresh' || answer.typ === 'ID') throw refused('it is no access token');
  return answer;
}

/** OIDC Core 5.3. It tells whose token it is, and not for whom: docs/tokens.md says what follows from that. */
async function askUserinfo(issuer: TrustOptions, token: string, { endpoints, transport }: OnlineParts) {
  const url = await endpoints.find('userinfo_endpoint');
  const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
  const response = await transport.fetch(url, { method: 'GET', headers, body: undefined, redirect: 'manual' });
  if (response.status === 401 || response.status === 403) throw refused('its issuer does not take it');
  if (response.status !== 200) throw new Error(`userinfo: status ${response.status}`);
  return { iss: issuer.issuer, ...objectOf(await response.json()) };
}

const WAYS: Readonly<Record<'introspection' | 'userinfo', Ask>> = { introspection: introspect, userinfo: askUserinfo };

type Outcome = { readonly until: number; readonly token?: ValidToken };

export function createOnlineValidator(issuer: TrustOptions, parts: OnlineParts): Validator {
  const { clock } = parts;
  const way = issuer.validation === 'userinfo' ? 'userinfo' : 'introspection';
  const outcomes = createLru<Outcome>(MAX_REMEMBERED);
  const asking = new Map<string, Promise<ValidToken>>();

  async function ask(token: string, jwt: ParsedJwt | undefined): Promise<ValidToken> {
    // Of the token's own words: an issuer may say of an ID token, too, that it is in force.
    if (jwt) checkKind(jwt, issuer);
    // Where the token itself says something, that holds too: the issuer has vouched for the whole of it.
    const said = jwt?.claims ?? {};
    const answer = await WAYS[way](issuer, token, parts);
    const now = clock.now();
    const claims = { ...said, ...answer };
    const end = checkOnline(claims, issuer, { now, way });
    return { issuer, claims, end, goodUntil: Math.min(end, now + GOOD_MS) };
  }
  async function askAndRemember(digest: string, token: string, jwt: ParsedJwt | undefined): Promise<ValidToken> {
    try {
      const valid = await ask(token, jwt);
      outcomes.set(digest, { until: valid.goodUntil, token: valid });
      return valid;
    } catch (error) {
      if (!isAppError(error)) throw issuerUnavailable(error);
      if (error.code === 'UNAUTHENTICATED') outcomes.set(digest, { until: clock.now() + BAD_MS });
      throw error;
    }
  }

  return {
    async validate(token, jwt) {
      const digest = createHash('sha256').update(token).digest('base64');
      const known = outcomes.get(digest);
      if (known && clock.now() < known.until) {
        if (known.token) return known.token;
        throw refused('its issuer does not take it');
      }
      const running = asking.get(digest);
      if (running) return running;
      if (asking.size >= MAX_ASKING) throw issuerUnavailable(new Error('too many tokens are being asked about'));
      const started = askAndRemember(digest, token, jwt).finally(() => asking.delete(digest));
      asking.set(digest, started);
      return started;
    },
  };
}

/**
 * An answer about a token is checked like the token itself (IN-02). What RFC 7662 lets an issuer leave out, it has vouched
 * for: its own name and the end. The audience of an opaque token that only userinfo knows can't be checked.
 */
function checkOnline(claims: JsonObject, issuer: TrustOptions, { now, way }: { now: number; way: string }): number {
  const filled: JsonObject = {
    iss: issuer.issuer,
    exp: (now + CLOCK_SKEW_MS) / 1000,
    ...(way === 'userinfo' ? { aud: issuer.audience[0] } : {}),
    ...claims,
  };
  const end = checkClaims(filled, issuer, now);
  return 'exp' in claims ? end : Number.MAX_SAFE_INTEGER;
}

/** Which types opaque and half-opaque tokens have is their issuer's own affair, but for the strict profile. */
function checkKind(jwt: ParsedJwt, issuer: TrustOptions): void {
  if (issuer.tokenType === 'at+jwt') checkType(jwt.header.typ, issuer);
  checkNoIdToken(jwt, issuer);
}

function objectOf(value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new Error('answer: no object');
}
