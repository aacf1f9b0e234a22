import * as client from 'openid-client';
import type { IdTokenClaims } from './claims.ts';
import { identityChanged, providerAnswerInvalid } from './failures.ts';

export type TokenAnswer = Awaited<ReturnType<typeof client.genericGrantRequest>>;

/** What a provider says of a person. */
export interface Told {
  readonly claims: IdTokenClaims;
  /** False where something is missing because the userinfo endpoint did not answer. */
  readonly isComplete: boolean;
}
export const NOTHING: Told = { claims: {}, isComplete: true };

/**
 * The claims of the ID token. Providers may keep names and groups for their userinfo endpoint (OIDC Core 5.4): what is
 * wanted and missing is asked for there, for the same subject (security.md ID-06), and done without where that fails.
 */
export async function completeClaims(
  configuration: client.Configuration,
  answer: TokenAnswer,
  wanted: readonly (string | undefined)[],
): Promise<Told | undefined> {
  const claims = answer.claims() as IdTokenClaims | undefined;
  if (!claims) return undefined;
  const isMissing = wanted.some((name) => name !== undefined && !(name in claims));
  if (!isMissing || configuration.serverMetadata().userinfo_endpoint === undefined) return { claims, isComplete: true };
  const more = await userinfo(configuration, answer, String(claims.sub));
  return { claims: { ...more.claims, ...claims }, isComplete: more.isComplete };
}

/** A renewal may come without an ID token (OIDC Core 12.2); then, too, this endpoint tells today's groups. */
export async function userinfo(
  configuration: client.Configuration,
  answer: TokenAnswer,
  subject: string,
): Promise<Told> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return { claims: {}, isComplete: false };
  const claims = await client.fetchUserInfo(configuration, answer.access_token, subject).catch(() => undefined);
  return { claims: claims ?? {}, isComplete: claims !== undefined };
}

/**
 * OpenID Connect Core 12.2: a refreshed ID token is of the same person (issuer and audience are checked by openid-client),
 * and of the same authentication: a later one is another login (security.md RT-06, RT-07).
 */
export function checkSamePerson(claims: IdTokenClaims, expected: { subject: string; authTime: number }): void {
  if (claims.sub !== expected.subject) throw identityChanged('subject');
  if (typeof claims.auth_time === 'number' && claims.auth_time * 1000 > expected.authTime)
    throw identityChanged('authentication time');
}

/** As a verifier of JWTs may be off by: OIDC Core 3.1.3.7 leaves it to us. */
const LEEWAY_S = 30;

/** Whoever asked for `max_age` has to be told when, and it must not be longer ago (OIDC Core 3.1.3.7, 11; security.md ID-05). */
export function checkFreshness(claims: IdTokenClaims, maxAge: number | undefined, now: number): void {
  if (maxAge === undefined) return;
  const told = claims.auth_time;
  const fresh = typeof told === 'number' && told + maxAge + LEEWAY_S >= now / 1000;
  if (!fresh) throw providerAnswerInvalid(new Error('ID token: auth_time is missing or too long ago'));
}
