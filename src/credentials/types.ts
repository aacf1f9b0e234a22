import type { AppError } from '../core/errors.ts';
import type { StepHook } from './atomic-write.ts';
import type { KeySources } from './keys.ts';
import type { ServerKind, StorageKind, TokenPair } from './records.ts';

/** What a login or a renewal gave. */
export interface NewTokens extends TokenPair {
  /** Seconds of life of the access token from now on. */
  readonly expiresIn: number;
  readonly sessionId: string;
  /** The account's name on the server. */
  readonly account: string;
}

/**
 * A stored login that may be used at the origin it was opened for. Both tokens are empty where they are on no disk and no
 * agent has them: such a login is renewed by doing its grant again.
 */
export interface Credentials extends TokenPair {
  readonly sessionId: string;
  readonly issuer: string;
  readonly account: string;
  /** What kind of server it is from, and may be sent to. */
  readonly kind: ServerKind;
  /** Ms of life left of the access token when it was read; at most 0 = renew first. */
  readonly expiresInMs: number;
  /** How often a pair was written since the file was made. */
  readonly generation: number;
  /** What the login is called among those of its connection. */
  readonly name: string;
  readonly storage: StorageKind;
}

/** Where a new login is to be kept. */
export interface ChosenStorage {
  readonly kind: StorageKind;
  /** By name, with this login: later logins of the connection keep it. */
  readonly isChosen: boolean;
}

export interface CredentialOptions {
  /** `.../.credentials/<connection>.json` (project/connections.ts, `credentialsPath`). */
  readonly path: string;
  /** `host:port` that the tokens go to. */
  readonly origin: string;
  /** From {@link caPin}. */
  readonly caPin: string;
  /** A login of another kind is not given out. Absent: a login of any kind is read, and one of a control plane is written. */
  readonly kind?: ServerKind;
  /** Another account of the connection, which is not the active one. */
  readonly account?: string | undefined;
  /** A new login is kept there; absent: where the login before it was, or in the file. */
  readonly storage?: ChosenStorage;
  /** A new login is called so, and the active one of another name stays beside it. */
  readonly beside?: string;
  /** Where keys come from; not called before one is needed. Absent: nothing sealed can be opened. */
  readonly keys?: () => Promise<KeySources>;
  /** How long to wait for other processes, in ms. */
  readonly lockTimeoutMs?: number;
  readonly now?: () => number;
  /** For tests only: told before each system call that changes something. */
  readonly onStep?: StepHook;
}

/** The file while its lock is held. */
export interface LockedCredentials {
  /** As {@link CredentialFile.read}; what others wrote before the lock was ours is seen. */
  read(): Promise<Credentials | undefined>;
  /** As {@link CredentialFile.write}. */
  write(tokens: NewTokens): Promise<Credentials>;
  /** True if there was a login. */
  remove(): Promise<boolean>;
}

export interface RenewRequest {
  /** False = renew. Default: more than a minute of life left. */
  readonly usable?: (credentials: Credentials) => boolean;
  /** Fetches the next pair; runs in one process at a time. */
  readonly renew: (credentials: Credentials) => Promise<NewTokens>;
}

export interface RenewResult {
  readonly credentials: Credentials;
  /** Set where the pair is good but could not be stored (disk full, read-only, not ignored by git): warn, go on. */
  readonly warning: AppError | undefined;
}

export interface CredentialFile {
  readonly path: string;
  /**
   * The stored login; undefined where there is none.
   * @throws UNAUTHENTICATED CREDENTIALS_FOREIGN (another origin, CA or session; not written by fedctl);
   *   FAILED_PRECONDITION CREDENTIALS_CORRUPT, CREDENTIALS_UNSAFE
   */
  read(): Promise<Credentials | undefined>;
  /**
   * Proves, before anybody is sent to log in, that a login could be stored: folders, modes, git.
   * @returns warnings for a person
   * @throws FAILED_PRECONDITION CREDENTIALS_UNSAFE, CREDENTIALS_TRACKED, CREDENTIALS_NOT_IGNORED, CREDENTIALS_NOT_SAVED
   */
  prepare(): Promise<readonly string[]>;
  /** Stores a new login in place of any old one, after {@link prepare}. */
  write(tokens: NewTokens): Promise<Credentials>;
  /** Forgets the login, damaged or not; true if there was one. */
  remove(): Promise<boolean>;
  /** Runs `work` while no other process can. @throws UNAVAILABLE CREDENTIALS_LOCKED; as prepare does */
  withLock<T>(work: (locked: LockedCredentials) => Promise<T>): Promise<T>;
  /**
   * A usable pair: the stored one, else one that another process is fetching, else one from `renew`.
   * @throws UNAUTHENTICATED NOT_LOGGED_IN; as read and `renew` do
   */
  renew(request: RenewRequest): Promise<RenewResult>;
}
