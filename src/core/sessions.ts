import type { Scope } from './scopes.ts';

/** What one login made. The provider's tokens stay here, sealed; the client gets ours. Times are epoch milliseconds. */
export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly createdAt: number;
  /** Last renewal or login: the idle end counts from here. */
  readonly renewedAt: number;
  /** Absolute end, never moved. */
  readonly expiresAt: number;
  readonly idleMs: number;
  readonly authTime: number;
  /** Group names from the provider, as of the last login or renewal. */
  readonly groups: readonly string[];
  readonly client: string;
  readonly host: string;
  readonly address: string;
  /** Provider's refresh token, sealed; undefined where the provider gave none. */
  readonly sealedProviderToken: string | undefined;
  /** The current pair of ours, sealed, for a superseded refresh token that comes late (design "Tokens" 4). */
  readonly sealedPair: string;
  /** Alias of the [[oidc]] or [[trust]] table that it came from; it ends where that table is gone. */
  readonly origin: string;
  /** The provider's own id of the session (`sid` of its ID token), for back-channel logout; "" where it names none. */
  readonly providerSid: string;
  /** Level of the authentication (`acr` of the ID token); "" where the provider names none. */
  readonly acr: string;
  /** The provider's ID token, sealed: the hint of an RP-initiated logout. */
  readonly sealedIdToken: string | undefined;
  /** The provider's access token as JSON {token, type, expiresAt}, sealed; kept only where `share-tokens` is on. */
  readonly sealedProviderAccess: string | undefined;
  /** SHA-256 (hex) of the subject token that this session was exchanged for: the same one gives the same session. */
  readonly exchangeHash: string | undefined;
  /** What the session is limited to; undefined = all that its account may. */
  readonly scopes: readonly Scope[] | undefined;
  /** Grows by one with each renewal. Access tokens carry it. */
  readonly generation: number;
  /** Newest generation whose access or refresh token a client has shown. */
  readonly seenGeneration: number;
  readonly revokedAt: number | undefined;
  /** "logout", "refresh token replayed", "ended by the identity provider", ...; empty while alive. */
  readonly revokedReason: string;
}

export type NewSession = Omit<Session, 'revokedAt' | 'revokedReason' | 'seenGeneration' | 'generation' | 'renewedAt'>;

/** One refresh token of a session; only its SHA-256 is stored. */
export interface RefreshTokenRow {
  readonly hash: string;
  readonly sessionId: string;
  readonly generation: number;
  /** When a later generation took its place. */
  readonly supersededAt: number | undefined;
}

/** Reason of a session that nobody ever had: its opening could not be recorded. */
export const UNAUDITED = 'could not be audited';

export interface SessionStore {
  /** Without `refreshHash` it can't be renewed. */
  createSession(session: NewSession, refreshHash: string | undefined): Promise<void>;
  sessionById(id: string): Promise<Session | undefined>;
  sessionByExchange(exchangeHash: string): Promise<Session | undefined>;
  /** Sessions that are alive at `now`, oldest first; `providerSid` narrows to one session at the provider. */
  liveSessions(
    of: { accountId: string; origin?: string; providerSid?: string },
    now: number,
  ): Promise<readonly Session[]>;
  /** Account ids of live sessions that came from `origin` and have this `sid` there. */
  accountsOfProviderSid(origin: string, providerSid: string, now: number): Promise<readonly string[]>;
  refreshToken(hash: string): Promise<RefreshTokenRow | undefined>;
  /** Marks `generation` as seen by its client; keeps the larger number. */
  markSeen(id: string, generation: number): Promise<void>;
  /** True for the call that ended it; later calls change nothing. */
  revokeSession(id: string, reason: string, now: number): Promise<boolean>;
  /** Deletes sessions (and their refresh tokens) that ended before `before`; those that keep an exchanged token out, a year later. */
  sweepSessions(before: number): Promise<number>;
}

/** Renewal of one session by one process at a time, over all processes that share the store. */
export interface RenewalStore {
  /**
   * Takes the lease to renew `id` until `until` (epoch ms) if nobody holds it and the session is still at `generation`
   * and alive. False otherwise. A lease whose end has passed counts as free.
   */
  acquireRenewal(id: string, generation: number, holder: string, until: number, now: number): Promise<boolean>;
  /** One durable transaction: next generation, sealed values, groups, new refresh hash; the old hash is superseded; lease freed. False if the lease was lost. */
  completeRenewal(renewal: CompletedRenewal): Promise<boolean>;
  releaseRenewal(id: string, holder: string): Promise<void>;
}

export interface CompletedRenewal {
  readonly id: string;
  readonly holder: string;
  /** The new generation: the old one plus one. */
  readonly generation: number;
  readonly refreshHash: string;
  readonly sealedPair: string;
  readonly sealedProviderToken: string | undefined;
  readonly sealedProviderAccess: string | undefined;
  /** Undefined: as before. */
  readonly sealedIdToken: string | undefined;
  readonly groups: readonly string[];
  readonly now: number;
}

/**
 * `device`: the provider's device grant, relayed. `page`: our device page, then the code grant there. `code`: the code grant
 * at the client's loopback listener.
 */
export type LoginKind = 'device' | 'page' | 'code';

/**
 * `confirmed`: somebody said on the page that it is them, and is at the provider. `redeeming`: the provider's code is being
 * redeemed. `approved`: waits to be fetched. `failed`: over; `failure` says why.
 */
export type LoginState = 'pending' | 'confirmed' | 'redeeming' | 'approved' | 'failed';

/** A login under way. Rows are swept after `expiresAt`. Of kind `device` only `pending` is stored. */
export interface LoginFlow {
  /** SHA-256 of the opaque handle, hex. */
  readonly handleHash: string;
  readonly kind: LoginKind;
  readonly state: LoginState;
  readonly issuerAlias: string;
  /** Provider's device code, sealed; "" for other kinds. */
  readonly sealedDeviceCode: string;
  /** What was asked for at the start, as JSON, sealed; from the redirect on with the secrets of that (PKCE, nonce). */
  readonly sealedRequest: string;
  /** Who logged in, and the provider's tokens, as JSON, sealed; only while `approved`. */
  readonly sealedResult: string | undefined;
  /** Reason code; "" unless `failed`. */
  readonly failure: string;
  /** Of our page: 8 letters without a dash. Unique among the flows of the store. */
  readonly userCode: string | undefined;
  /** SHA-256 (hex) of the `state` that the provider was given. */
  readonly stateHash: string | undefined;
  /** SHA-256 (hex) of the secret of the browser that confirmed. */
  readonly browserHash: string | undefined;
  readonly startedAt: number;
  readonly expiresAt: number;
  /** Milliseconds between polls of the provider; grows with slow_down. */
  readonly intervalMs: number;
  /** Not before this time may the provider be asked again; while `redeeming`, so long the code may take to be redeemed. */
  readonly nextPollAt: number;
  readonly client: string;
  readonly host: string;
  readonly address: string;
}

/** How a flow goes on. */
export interface LoginStep {
  readonly state: LoginState;
  readonly stateHash?: string;
  readonly browserHash?: string;
  readonly sealedRequest?: string;
  readonly sealedResult?: string;
  readonly failure?: string;
  readonly expiresAt?: number;
  readonly nextPollAt?: number;
}

export interface LoginStore {
  createLogin(flow: LoginFlow): Promise<void>;
  login(handleHash: string): Promise<LoginFlow | undefined>;
  loginByUserCode(userCode: string): Promise<LoginFlow | undefined>;
  loginByState(stateHash: string): Promise<LoginFlow | undefined>;
  /** Takes the step if the flow still stands as `from` read it (state and `state` parameter); true for the one call that did. */
  advanceLogin(from: Pick<LoginFlow, 'handleHash' | 'state' | 'stateHash'>, step: LoginStep): Promise<boolean>;
  /** Which of them nobody has approved, ended or fetched yet. */
  openLogins(handleHashes: readonly string[]): Promise<ReadonlySet<string>>;
  /** Claims the next poll: moves `nextPollAt` to `next` if it was `seen`; false when another process was first. */
  claimPoll(handleHash: string, seen: number, next: number, intervalMs: number): Promise<boolean>;
  /** Deletes the flow; true for the one call that did. */
  consumeLogin(handleHash: string): Promise<boolean>;
  /** Those under way, by the address that asked for them. */
  countLogins(now: number): Promise<ReadonlyMap<string, number>>;
  /** Those that wait to be fetched, of one issuer. */
  approvedLogins(issuerAlias: string, now: number): Promise<readonly LoginFlow[]>;
  /** Deletes those that were approved and have ended before their client came; the provider should know. */
  takeUnfetched(now: number): Promise<readonly LoginFlow[]>;
  sweepLogins(now: number): Promise<number>;
}

/** A signing key of ours. The private part is sealed. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: 'ES256' | 'EdDSA';
  /** Public JWK as JSON. */
  readonly publicJwk: string;
  readonly sealedPrivateJwk: string;
  readonly createdAt: number;
  /** When it stopped signing; it verifies until its last token has ended. */
  readonly retiredAt: number | undefined;
}

export interface KeyStore {
  signingKeys(): Promise<readonly SigningKey[]>;
  /** Adds `key` and retires the current one, if no unretired key newer than `ifNewestIs` stands (undefined: none at all); false when another process was first. */
  rotateSigningKey(key: SigningKey, ifNewestIs: string | undefined, now: number): Promise<boolean>;
  deleteSigningKeys(retiredBefore: number): Promise<number>;
}

/** Small named values: master-key canary, OpenFGA store and model ids, ReadChanges position. */
export interface MetaStore {
  meta(name: string): Promise<string | undefined>;
  setMeta(name: string, value: string): Promise<void>;
  /** Sets only if absent; returns what stands afterwards. */
  initMeta(name: string, value: string): Promise<string>;
}

/** Values that count once, over all processes that share the store; each is forgotten when its time is over. */
export interface OnceStore {
  /** True for the first call with `key`; false while it is remembered. */
  claimOnce(key: string, expiresAt: number, now: number): Promise<boolean>;
  /** Forgets `key`; true for the one call that did, in its time. */
  takeOnce(key: string, now: number): Promise<boolean>;
}
