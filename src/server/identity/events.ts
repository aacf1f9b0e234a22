/** What the audit log should hear of and no call's own row tells. Holds no secret. */
export interface IdentityEvent {
  readonly kind:
    | 'session-opened'
    | 'login-denied'
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
  readonly address: string;
}

/** Awaited before the answer; what it throws is thrown on. */
export type OnIdentityEvent = (event: IdentityEvent) => Promise<void> | void;
