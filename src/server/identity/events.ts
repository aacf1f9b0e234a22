/** What the audit log should hear of and no call's own row tells. Holds no secret. */
export interface IdentityEvent {
  readonly kind:
    | 'session-opened'
    | 'login-denied'
    /** Somebody said on our page that the login is theirs. */
    | 'login-confirmed'
    /** The provider said who it is; the session is opened when the waiting client fetches it. */
    | 'login-approved'
    /** A superseded refresh token came after its time; refused, the session lives on. */
    | 'refresh-token-late'
    /** A refresh token two or more generations old came after its time: somebody has a copy. The session was ended. */
    | 'refresh-token-replayed'
    /** The provider said `invalid_grant`; the session was ended. */
    | 'ended-by-provider'
    /** The provider answered a renewal for somebody else; the session was ended. */
    | 'identity-changed';
  /** Epoch ms. */
  readonly at: number;
  /** "" where nobody is known. */
  readonly sessionId: string;
  readonly accountId: string;
  readonly principal: string;
  /** Of who acted: the browser of a login that was confirmed, approved or denied. */
  readonly address: string;
  /** Where a login was asked for, if it is not where it was answered (security.md T-01). */
  readonly requester?: string;
}

/** Awaited before the answer; what it throws is thrown on. */
export type OnIdentityEvent = (event: IdentityEvent) => Promise<void> | void;
