import type { Subject } from './access.ts';
import type { Account } from './accounts.ts';
import type { AuditRow } from './audit.ts';
import type { RunId } from './ids.ts';
import type { Run, RunConfig, RunFilter } from './runs.ts';
import type { Scope } from './scopes.ts';
import type { Session } from './sessions.ts';

export type { ExchangedToken, ExchangeRequest, ProviderTokenView, TokenExchange } from './token-exchange.ts';
export { TOKEN_TYPES } from './token-exchange.ts';

/** Where a call comes from; recorded, never trusted. */
export interface Peer {
  readonly address: string;
  readonly userAgent: string;
}

/** Who is calling. */
export interface Caller {
  readonly account: Account;
  readonly session: Session;
  readonly subject: Subject;
  /** What the credential is limited to; undefined = all that the account may. */
  readonly scopes: readonly Scope[] | undefined;
}

/** Our two tokens for one session. `expiresIn` in seconds, of the access token. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly sessionId: string;
  readonly accountHandle: string;
}

/** Ways to log in that this server relays; RFC 8628, RFC 6749 sections 4.1 and 4.3. */
export type RelayedGrant = 'device_code' | 'code' | 'password';

export interface LoginProvider {
  readonly alias: string;
  /** For people. */
  readonly name: string;
  readonly issuer: string;
  readonly grants: readonly RelayedGrant[];
}

export interface LoginRequest {
  /** Alias; "" = the first one. */
  readonly provider: string;
  readonly client: string;
  readonly host: string;
  readonly grant: 'device_code' | 'code';
  /** Of the code grant: the client's loopback listener; "" otherwise. */
  readonly redirectUri: string;
  /** "login": the provider must ask who it is. */
  readonly prompt: '' | 'login';
  /** Beside the configured ones. */
  readonly scopes: readonly string[];
  /** Seconds; undefined = any age. */
  readonly maxAge: number | undefined;
  readonly acrValues: readonly string[];
  readonly loginHint: string;
}

/** A login that asks for nothing beyond itself, in a browser on any device. */
export const PLAIN_LOGIN = {
  grant: 'device_code',
  redirectUri: '',
  prompt: '',
  scopes: [],
  maxAge: undefined,
  acrValues: [],
  loginHint: '',
} as const satisfies Partial<LoginRequest>;

/** What a provider's redirect brought (RFC 6749 section 4.1.2, RFC 9207); "" where a parameter is absent. */
export interface AuthorizationAnswer {
  readonly code: string;
  readonly state: string;
  readonly iss: string;
  readonly error: string;
  readonly errorDescription: string;
}

export interface StartedLogin {
  /** Of the code grant: where the browser goes; then the user code and the verification URIs are "". */
  readonly authorizationUrl: string;
  readonly handle: string;
  readonly userCode: string;
  readonly verificationUri: string;
  /** Undefined where the provider gives none. */
  readonly verificationUriComplete: string | undefined;
  /** Seconds. */
  readonly expiresIn: number;
  readonly interval: number;
  readonly issuerAlias: string;
}

export type LoginPoll =
  | { readonly state: 'pending' | 'slow_down'; readonly interval: number }
  | { readonly state: 'approved'; readonly tokens: TokenPair };

/** Login at an identity provider, relayed: this server is the only client of the provider. */
export interface Login {
  providers(): Promise<readonly LoginProvider[]>;
  /**
   * @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, RESOURCE_EXHAUSTED TOO_MANY_LOGINS, NOT_FOUND PROVIDER_UNKNOWN,
   *   INVALID_ARGUMENT REDIRECT_URI_INVALID, FAILED_PRECONDITION GRANT_NOT_OFFERED
   */
  start(request: LoginRequest, peer: Peer): Promise<StartedLogin>;
  /** One poll; paced by us whatever the client does. @throws PERMISSION_DENIED LOGIN_DENIED, UNAUTHENTICATED LOGIN_EXPIRED, UNAVAILABLE ... */
  poll(handle: string): Promise<LoginPoll>;
  /** Each change of state as it comes; ends after "approved". @throws as `poll` */
  await(handle: string, signal: AbortSignal): AsyncIterable<LoginPoll>;
  /** Redeems the code of the code grant. @throws PERMISSION_DENIED LOGIN_DENIED, UNAUTHENTICATED LOGIN_EXPIRED | LOGIN_ANSWER_REFUSED */
  finish(handle: string, answer: AuthorizationAnswer): Promise<TokenPair>;
  /** @throws FAILED_PRECONDITION GRANT_NOT_OFFERED, UNAUTHENTICATED PASSWORD_REFUSED, RESOURCE_EXHAUSTED TOO_MANY_LOGINS */
  password(
    request: { provider: string; username: string; password: string; client: string; host: string },
    peer: Peer,
  ): Promise<TokenPair>;
}

/** A login as the device page shows it to the person who is to approve it. */
export interface LoginPage {
  readonly userCode: string;
  /** Name of the provider, for people. */
  readonly provider: string;
  /** Who asks, as the asker says: program and version, host. */
  readonly client: string;
  readonly host: string;
  /** Where the request came from, as we saw it. */
  readonly address: string;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/**
 * The device page of the control plane: a person looks at who asks, says that it is them, and signs in at the provider
 * with code + PKCE + nonce. `browser` is the secret of that browser's cookie; it binds the redirect to who confirmed (BC-03).
 */
export interface LoginPages {
  /** @throws NOT_FOUND LOGIN_UNKNOWN for a code that is unknown, over or used; RESOURCE_EXHAUSTED TOO_MANY_ATTEMPTS */
  page(userCode: string, peer: Peer): Promise<LoginPage>;
  /** @returns where the browser goes. @throws as `page` */
  confirm(userCode: string, browser: string, peer: Peer): Promise<{ authorizationUrl: string }>;
  deny(userCode: string, peer: Peer): Promise<void>;
  /** The provider's redirect to `/oidc/callback/<alias>`. @throws UNAUTHENTICATED LOGIN_ANSWER_REFUSED, PERMISSION_DENIED LOGIN_DENIED */
  callback(
    alias: string,
    answer: AuthorizationAnswer,
    browser: string,
    peer: Peer,
  ): Promise<{ account: string; client: string }>;
}

/** What identity providers tell us of logouts. */
export interface ProviderLogout {
  /** OIDC Back-Channel Logout 1.0. @returns how many sessions it ended. @throws INVALID_ARGUMENT LOGOUT_TOKEN_INVALID */
  backChannel(alias: string, logoutToken: string, peer: Peer): Promise<number>;
  /** Where a browser ends the session at the provider (RP-Initiated Logout 1.0); "" where it has no such page. */
  endSessionUrl(session: Session): Promise<string>;
  /** Back from there. @throws INVALID_ARGUMENT LOGOUT_STATE_UNKNOWN */
  ended(state: string): Promise<void>;
}

export interface Sessions {
  /**
   * Verifies an access token of ours without asking anybody; one of a trusted issuer counts as exchanged. `peer` is who brought it.
   * @throws UNAUTHENTICATED TOKEN_EXPIRED | TOKEN_INVALID | SESSION_ENDED | ISSUER_NOT_TRUSTED, PERMISSION_DENIED NO_TRUST_RULE
   */
  authenticate(accessToken: string, peer?: Peer): Promise<Caller>;
  /** As `authenticate`, for clients that send both tokens: renews where the access token has expired and then returns the new pair too. */
  authenticatePair(
    accessToken: string,
    refreshToken: string,
  ): Promise<{ caller: Caller; renewed: TokenPair | undefined }>;
  /** @throws UNAUTHENTICATED REFRESH_TOKEN_INVALID | SESSION_ENDED, UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE */
  renew(refreshToken: string): Promise<TokenPair>;
  /** The session that a refresh token belongs to, for logging out when the access token has expired. */
  sessionOfRefreshToken(refreshToken: string): Promise<Session | undefined>;
  /** Ends a session at the provider and here; false where the provider could not be told. */
  end(session: Session, reason: string): Promise<boolean>;
  /** The caller of a session as of now. Throws as `authenticate` would once it has ended; at most 1 s late. For long streams. */
  assertAlive(sessionId: string): Promise<Caller>;
}

/** Public keys of our tokens (RFC 7517), for other services. */
export interface PublicKeys {
  jwks(): Promise<{ keys: readonly Record<string, unknown>[] }>;
}

export interface SubmitRequest {
  readonly requestId: string;
  readonly federation: string;
  readonly bundle: Uint8Array;
  readonly runConfig: RunConfig;
  readonly federationConfig: RunConfig;
}

/** A bundle that has passed every check. */
export interface VerifiedBundle {
  readonly sha256: string;
  readonly content: Uint8Array;
  /** "publisher/name" */
  readonly app: string;
  readonly appVersion: string;
  /** Folders that are not the app and were sent along, for example ".venv/lib/python3.11/site-packages/"; old releases of flwr do so. */
  readonly carried?: readonly string[];
}

export interface LogPiece {
  readonly text: string;
  /** Byte offset after this text. */
  readonly nextOffset: number;
  readonly engineTimestamp: number;
}

/** A run's life. Rights are decided before these are called. */
export interface RunService {
  /** Size, zip safety, manifest, pyproject (security.md T-23, T-24). @throws INVALID_ARGUMENT BUNDLE_* */
  verifyBundle(content: Uint8Array): Promise<VerifiedBundle>;
  /** Row + audit, engine, id; resolves with the engine's id known. A repeated request id gives the same run. */
  submit(caller: Caller, bundle: VerifiedBundle, request: Omit<SubmitRequest, 'bundle'>, audit: AuditRow): Promise<Run>;
  /** Asks the engine to stop. @throws FAILED_PRECONDITION RUN_FINISHED, UNAVAILABLE ENGINE_UNAVAILABLE */
  stop(run: Run): Promise<Run>;
  /** Stored log from byte `offset` on; with `follow` until the run has finished and is drained. Never ends early without throwing. */
  logs(run: Run, offset: number, follow: boolean, signal: AbortSignal): AsyncIterable<LogPiece>;
  /** The run as it stands now, refreshed from the engine where that is cheap. */
  current(key: string): Promise<Run>;
  /** Byte offset after which the engine timestamp is larger: for flwr's `after_timestamp`. */
  offsetAfter(run: Run, engineTimestamp: number): Promise<number>;
}

/** The files that a run left behind, in a folder that the configuration names. */
export interface Artifacts {
  /**
   * A URL that gives an archive of them to whoever has it, for a few minutes and as long as the caller may pull.
   * @throws FAILED_PRECONDITION ARTIFACTS_NOT_CONFIGURED | RUN_NOT_FINISHED, NOT_FOUND ARTIFACTS_NOT_FOUND
   */
  link(run: Run, caller: Caller): Promise<{ url: string; expiresInMs: number }>;
}

/** Rows only; the caller of this checks each. */
export interface RunQueries {
  runById(id: RunId): Promise<Run | undefined>;
  listRuns(filter: RunFilter, limit: number, before?: { createdAt: number; key: string }): Promise<readonly Run[]>;
}

/** With the engine's name where there are several: "engine:name". */
type EnginePart = 'engine' | 'engine-border' | `engine:${string}` | `engine-border:${string}`;

/** One part behind the server. */
export interface ComponentHealth {
  readonly name: 'identity-provider' | 'openfga' | 'store' | EnginePart;
  readonly ok: boolean;
  /** Public sentence; "" when ok. */
  readonly detail: string;
}

/** A background duty with a beginning and an end. */
export interface Service {
  start(): Promise<void>;
  /** Resolves when nothing of it is running any more. */
  stop(): Promise<void>;
}
