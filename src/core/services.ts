import type { Subject } from './access.ts';
import type { Account } from './accounts.ts';
import type { AuditRow } from './audit.ts';
import type { RunId } from './ids.ts';
import type { Run, RunConfig, RunFilter } from './runs.ts';
import type { Session } from './sessions.ts';

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
}

/** Our two tokens for one session. `expiresIn` in seconds, of the access token. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly sessionId: string;
  readonly accountHandle: string;
}

export interface StartedLogin {
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

/** Login by the device grant (RFC 8628), relayed. */
export interface Login {
  /** @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, RESOURCE_EXHAUSTED TOO_MANY_LOGINS, NOT_FOUND PROVIDER_UNKNOWN */
  start(request: { provider: string; client: string; host: string }, peer: Peer): Promise<StartedLogin>;
  /** One poll; paced by us whatever the client does. @throws PERMISSION_DENIED LOGIN_DENIED, UNAUTHENTICATED LOGIN_EXPIRED, UNAVAILABLE ... */
  poll(handle: string): Promise<LoginPoll>;
}

export interface Sessions {
  /** Verifies an access token without asking anybody. @throws UNAUTHENTICATED TOKEN_EXPIRED | TOKEN_INVALID | SESSION_ENDED */
  authenticate(accessToken: string): Promise<Caller>;
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
