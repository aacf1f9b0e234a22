import type { ForwardProxy } from '../../../core/proxy.ts';
import type { Scope } from '../../../core/scopes.ts';
import type { Secret } from '../../../core/secret.ts';
import type { JsonObject } from '../jws.ts';
import type { ParsedJwt } from './strict-jwt.ts';

/** One `[[trust]]` table. */
export interface TrustOptions {
  readonly alias: string;
  readonly issuer: string;
  /** What `aud` must contain, one of these. */
  readonly audience: readonly string[];
  readonly validation: 'jwks' | 'introspection' | 'userinfo';
  /** Absent: as its discovery document says. */
  readonly jwksUrl?: string | undefined;
  readonly algorithms: readonly string[];
  readonly tokenType: 'any' | 'at+jwt';
  readonly clientId?: string | undefined;
  readonly clientSecret?: Secret | undefined;
  readonly caFile?: string | undefined;
  readonly proxy?: ForwardProxy | undefined;
  /** Beside the issuer's own: where tokens and the client secret may be sent. */
  readonly endpointOrigins?: readonly string[] | undefined;
  readonly allowInsecure: boolean;
  readonly usernameClaim: string;
  readonly groupsClaim?: string | undefined;
  /** Client ids of logins here: a token for one of them is an ID token (security.md AT-02). */
  readonly loginClients: readonly string[];
  /** People log in at this issuer too: then a token has to show that it is an access token. */
  readonly isLoginIssuer: boolean;
}

/** One `[[trust-rule]]` table. */
export interface TrustRule {
  readonly trust: string;
  /** Claims that a token has exactly so. */
  readonly claims: Readonly<Record<string, string>>;
  readonly serviceAccount: string | undefined;
  /** The identity provider whose account a token stands for. */
  readonly person: { readonly issuer: string; readonly alias: string } | undefined;
  readonly personClaim: string;
  /** Undefined = all that the account may. */
  readonly scopes: readonly Scope[] | undefined;
  readonly oneTime: boolean;
  readonly maxLifeMs: number;
}

/** A token that its issuer vouches for, and that is for this server. */
export interface ValidToken {
  readonly issuer: TrustOptions;
  readonly claims: JsonObject;
  /** Epoch ms. */
  readonly end: number;
  /** Epoch ms: after that it has to be validated again. */
  readonly goodUntil: number;
}

/** Validates tokens of one issuer; one way of `validation`. */
export interface Validator {
  /**
   * @param jwt - what the token says as a JWT; undefined for an opaque one
   * @throws UNAUTHENTICATED TOKEN_INVALID | TOKEN_EXPIRED, UNAVAILABLE TRUSTED_ISSUER_UNAVAILABLE
   */
  validate(token: string, jwt: ParsedJwt | undefined): Promise<ValidToken>;
}

/** So long the outcome of a validation holds (security.md IN-02). */
export const GOOD_MS = 30_000;
