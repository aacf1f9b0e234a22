import type { Scope } from './scopes.ts';
import type { Peer } from './services.ts';
import type { Session } from './sessions.ts';

/** Subject token types of RFC 8693 section 3 that we take. */
export const TOKEN_TYPES = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const;

export interface ExchangeRequest {
  readonly subjectToken: string;
  readonly subjectTokenType: string;
  readonly actorToken: string;
  readonly actorTokenType: string;
  readonly requestedTokenType: string;
  readonly audience: readonly string[];
  readonly resource: readonly string[];
  readonly scopes: readonly string[];
  readonly client: string;
  readonly host: string;
}

export interface ExchangedToken {
  readonly accessToken: string;
  readonly issuedTokenType: string;
  /** Seconds. */
  readonly expiresIn: number;
  /** Undefined = all that the account may. */
  readonly scopes: readonly Scope[] | undefined;
  readonly sessionId: string;
  readonly accountHandle: string;
}

/** Token exchange (RFC 8693), and what belongs to tokens of others. */
export interface TokenExchange {
  /**
   * @throws INVALID_ARGUMENT TOKEN_REQUEST_INVALID | TOKEN_TYPE_UNKNOWN | AUDIENCE_NOT_OFFERED | SCOPE_UNKNOWN,
   *   UNAUTHENTICATED TOKEN_INVALID | TOKEN_EXPIRED | ISSUER_NOT_TRUSTED, PERMISSION_DENIED NO_TRUST_RULE, UNAVAILABLE ...
   */
  exchange(request: ExchangeRequest, peer: Peer): Promise<ExchangedToken>;
  /** The provider's tokens of a session. @throws FAILED_PRECONDITION PROVIDER_TOKENS_NOT_SHARED, UNAVAILABLE */
  providerToken(session: Session, minLifeMs: number): Promise<ProviderTokenView>;
}

export interface ProviderTokenView {
  readonly accessToken: string;
  readonly idToken: string;
  /** Seconds; 0 = not known. */
  readonly expiresIn: number;
  readonly issuer: string;
  readonly tokenType: string;
}
