import * as client from 'openid-client';
import type { AuthorizationAnswer, LoginRequest } from '../../core/services.ts';
import { isSafeUri } from './device-start.ts';
import { answerRefused, loginDenied, providerRefused, providerUnavailable } from './failures.ts';
import { isOperatorError, isOutageError, toAppError } from './provider-errors.ts';

/** What a login asks of the provider beyond itself. */
export type AskedLogin = Pick<LoginRequest, 'prompt' | 'scopes' | 'maxAge' | 'acrValues' | 'loginHint'>;

/** One authorization request under way; secret, sealed with its flow. */
export interface Authorization {
  readonly redirectUri: string;
  readonly state: string;
  /** RFC 7636; 43 characters. */
  readonly verifier: string;
  readonly nonce: string;
  readonly maxAge: number | undefined;
}

/** Parameters of OIDC Core 3.1.2.1 and RFC 8707 that an authorization request and, by convention, a device request take. */
export function askedParameters(asked: AskedLogin, resource: string | undefined): Record<string, string> {
  return {
    ...(asked.prompt === '' ? {} : { prompt: asked.prompt }),
    ...(asked.maxAge === undefined ? {} : { max_age: String(asked.maxAge) }),
    ...(asked.acrValues.length === 0 ? {} : { acr_values: asked.acrValues.join(' ') }),
    ...(asked.loginHint === '' ? {} : { login_hint: asked.loginHint }),
    ...(resource === undefined ? {} : { resource }),
  };
}

/** Whether the code grant can be used: an authorization endpoint, and not one that says it has no PKCE with S256 (PK-02). */
export function takesCodes(metadata: client.ServerMetadata): boolean {
  const { authorization_endpoint: endpoint, code_challenge_methods_supported: methods } = metadata;
  return endpoint !== undefined && (methods?.includes('S256') ?? true);
}

/**
 * An authorization request with PKCE S256, nonce and state, all fresh (security.md PK-01).
 * @throws FAILED_PRECONDITION IDENTITY_PROVIDER_REFUSED where the provider can't take it, UNAVAILABLE for an unsafe endpoint
 */
export async function authorize(
  configuration: client.Configuration,
  { parameters, redirectUri, maxAge, allowInsecure }: AuthorizeOptions,
): Promise<{ url: string; authorization: Authorization }> {
  const metadata = configuration.serverMetadata();
  if (!takesCodes(metadata))
    throw providerRefused(
      new Error('metadata: no code grant with PKCE S256'),
      'The provider has no code grant with PKCE.',
    );
  const authorization: Authorization = {
    redirectUri,
    state: client.randomState(),
    verifier: client.randomPKCECodeVerifier(),
    nonce: client.randomNonce(),
    maxAge,
  };
  const url = client.buildAuthorizationUrl(configuration, {
    ...parameters,
    redirect_uri: redirectUri,
    response_type: 'code',
    state: authorization.state,
    nonce: authorization.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(authorization.verifier),
    code_challenge_method: 'S256',
  });
  if (!isSafeUri(`${url.origin}${url.pathname}`, allowInsecure))
    throw providerUnavailable(new Error('metadata: unusable authorization endpoint'));
  return { url: url.href, authorization };
}

export interface AuthorizeOptions {
  readonly parameters: Readonly<Record<string, string>>;
  readonly redirectUri: string;
  readonly maxAge: number | undefined;
  readonly allowInsecure: boolean;
}

/**
 * Judges what a redirect brought, before anybody is asked (security.md BC-03, IS-01, IS-02).
 * @throws UNAUTHENTICATED LOGIN_ANSWER_REFUSED, PERMISSION_DENIED LOGIN_DENIED, and the provider's own troubles
 */
export function checkAnswer(
  answer: AuthorizationAnswer,
  expected: { state: string; issuer: string; namesIssuer: boolean },
): void {
  if (answer.state !== expected.state) throw answerRefused('another state');
  if (answer.iss === '' && expected.namesIssuer) throw answerRefused('no iss');
  if (answer.iss !== '' && answer.iss !== expected.issuer) throw answerRefused('another iss');
  if (answer.error !== '') throw errorOf(answer.error);
  if (answer.code === '') throw answerRefused('no code');
}

function errorOf(error: string) {
  const cause = new Error(`authorization response: ${JSON.stringify(error.slice(0, 100))}`);
  if (error === 'access_denied') return loginDenied();
  if (isOutageError(error)) return providerUnavailable(cause);
  return isOperatorError(error) ? providerRefused(cause) : answerRefused(cause.message);
}

/** Redeems the code of an answer that `checkAnswer` let pass. */
export function redeem(
  configuration: client.Configuration,
  { authorization, answer, parameters }: RedeemOptions,
): ReturnType<typeof client.authorizationCodeGrant> {
  const url = new URL(authorization.redirectUri);
  const { code, state, iss } = answer;
  for (const [name, value] of Object.entries({ code, state, iss })) if (value !== '') url.searchParams.set(name, value);
  const checks = {
    expectedState: authorization.state,
    expectedNonce: authorization.nonce,
    pkceCodeVerifier: authorization.verifier,
    idTokenExpected: true,
  };
  return client.authorizationCodeGrant(configuration, url, checks, { ...parameters });
}

export interface RedeemOptions {
  readonly authorization: Authorization;
  readonly answer: AuthorizationAnswer;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A code that the provider does not know, or not with this verifier, is an answer that we refuse. */
export function judgeRedemption(raised: unknown) {
  const error = toAppError(raised);
  return error.reason === 'PROVIDER_GRANT_ENDED' ? answerRefused('the code was not accepted') : error;
}
