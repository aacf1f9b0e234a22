import type { JSONWebKeySet } from 'jose';
import type { ServerMetadata } from 'openid-client';
import type { Identity } from '../../core/accounts.ts';
import type { ForwardProxy } from '../../core/proxy.ts';
import type { Secret } from '../../core/secret.ts';
import type { AuthorizationAnswer } from '../../core/services.ts';
import type { AskedLogin, Authorization } from './authorization.ts';
import type { DeviceStart } from './device-start.ts';
import type { AccessAtProvider, SessionFacts } from './session-facts.ts';

/** One configured OpenID provider. */
export interface ProviderOptions {
  /** Short name: the part before `|` in OpenFGA ids. */
  readonly alias: string;
  /** Exactly as its discovery document says. */
  readonly issuer: string;
  /** For people; default: the alias. */
  readonly name?: string | undefined;
  readonly clientId: string;
  /** Absent: we are a public client. */
  readonly clientSecret?: Secret | undefined;
  /** PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** The way to it; default: straight. */
  readonly proxy?: ForwardProxy | undefined;
  /** Default: profile and email where advertised. openid is always added. */
  readonly scopes?: readonly string[] | undefined;
  /** Asks for offline_access, too, where that is advertised; default true. */
  readonly offlineAccess?: boolean | undefined;
  readonly groupsClaim?: string | undefined;
  /** Default `preferred_username`. */
  readonly usernameClaim?: string | undefined;
  /** Allows http on loopback: for the embedded stack and tests. */
  readonly allowInsecure?: boolean | undefined;
  /** Milliseconds between polls where the provider names none; default 5000 (RFC 8628 section 3.2). */
  readonly pollIntervalMs?: number | undefined;
  /** Where our device page stands in front of the provider: "auto" (default) where it has no device grant of its own. */
  readonly page?: 'auto' | 'always' | 'never' | undefined;
  /** Takes names and passwords (RFC 6749 section 4.3); default false. */
  readonly allowPassword?: boolean | undefined;
  /** RFC 8707: absolute URI that is asked for with every request for tokens. */
  readonly resource?: string | undefined;
  /** Added to authorization requests. */
  readonly authorizationParameters?: Readonly<Record<string, string>> | undefined;
  /** Beside the issuer's own: where its endpoints may be (security.md BC-08). */
  readonly endpointOrigins?: readonly string[] | undefined;
  /** Keeps its access token, to hand it out; default false. */
  readonly shareTokens?: boolean | undefined;
}

export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly identity: Identity;
  /** What a session keeps beside; none for sessions that no login at a provider made. */
  readonly facts?: SessionFacts | undefined;
}

export interface RefreshedTokens {
  /** The refresh token to use from now on: a new one, or the old one where the provider kept it (RT-05). */
  readonly refreshToken: string;
  /** None where the provider names none any more; undefined where it could not be asked. */
  readonly groups: readonly string[] | undefined;
  /** Undefined where none came. */
  readonly idToken: string | undefined;
  readonly access: AccessAtProvider | undefined;
}

/** What a provider can do, as its metadata say. */
export interface Abilities {
  readonly device: boolean;
  /** Code grant with PKCE S256. */
  readonly code: boolean;
  /** Its answers name the issuer (RFC 9207). */
  readonly namesIssuer: boolean;
}

export type DevicePoll =
  | { readonly state: 'pending' | 'slow_down' | 'unreachable' | 'denied' | 'expired' }
  | { readonly state: 'approved'; readonly tokens: ProviderTokens };

export interface Provider {
  readonly alias: string;
  readonly issuer: string;
  readonly name: string;
  readonly clientId: string;
  readonly page: 'auto' | 'always' | 'never';
  readonly allowsPassword: boolean;
  /** @throws as `startDevice` */
  abilities(): Promise<Abilities>;
  /** As it describes itself (OpenID Connect Discovery 1.0). @throws as `startDevice` */
  metadata(): Promise<ServerMetadata>;
  /** The keys that it publishes now. @throws as `startDevice` */
  readKeys(): Promise<JSONWebKeySet>;
  /** @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, FAILED_PRECONDITION IDENTITY_PROVIDER_* */
  startDevice(asked: AskedLogin): Promise<DeviceStart>;
  /** One request, never a wait. Throws for every answer that ends the flow and isn't denial or expiry (DG-06). */
  pollDevice(deviceCode: string, asked: { maxAge: number | undefined }): Promise<DevicePoll>;
  /** Where a browser goes to log in, and the secrets of that request. @throws as `startDevice` */
  authorize(asked: AskedLogin, redirectUri: string): Promise<{ url: string; authorization: Authorization }>;
  /** @throws UNAUTHENTICATED LOGIN_ANSWER_REFUSED, PERMISSION_DENIED LOGIN_DENIED, and as `startDevice` */
  redeem(authorization: Authorization, answer: AuthorizationAnswer): Promise<ProviderTokens>;
  /** @throws UNAUTHENTICATED PASSWORD_REFUSED, FAILED_PRECONDITION GRANT_NOT_OFFERED, and as `startDevice` */
  password(username: string, password: Secret): Promise<ProviderTokens>;
  /** @throws UNAUTHENTICATED PROVIDER_GRANT_ENDED | PROVIDER_IDENTITY_CHANGED, UNAVAILABLE, FAILED_PRECONDITION */
  refresh(refreshToken: string, expected: { subject: string; authTime: number }): Promise<RefreshedTokens>;
  /** RFC 7009; false where the provider has no such endpoint or could not be told. */
  revoke(refreshToken: string): Promise<boolean>;
  /** Resolves when its metadata can be had. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
