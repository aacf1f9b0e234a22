/** A person or a machine, known by (issuer, subject) and by nothing else: e-mail and names are for display (security.md AT-09). */
export interface Account {
  readonly kind: AccountKind;
  /** Ours, opaque; the `sub` of our tokens. */
  readonly id: string;
  readonly issuer: string;
  /** Short name of the issuer in the server's config; the part before `|` in OpenFGA ids. */
  readonly issuerAlias: string;
  readonly subject: string;
  /** `[A-Za-z0-9_-]{1,64}`, unique, immutable; also the owner part of `@owner/name`. */
  readonly handle: string;
  readonly displayName: string;
  readonly email: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly lastLoginAt: number;
}

export type AccountKind = 'user' | 'service_account';

/** Issuer and alias of service accounts: they exist here only. No configured issuer may have this alias. */
export const LOCAL_ISSUER = { issuer: 'urn:fedctl:local', alias: 'local' } as const;

/** What an identity provider says of the person who logged in; or a service account, of `LOCAL_ISSUER`. */
export interface Identity {
  readonly kind: AccountKind;
  readonly issuer: string;
  readonly issuerAlias: string;
  readonly subject: string;
  readonly preferredName: string;
  readonly displayName: string;
  readonly email: string;
  /** Group names as the provider gives them; empty unless the issuer has `groups-claim` set. */
  readonly groups: readonly string[];
  /** When the person authenticated, milliseconds since the epoch. */
  readonly authTime: number;
}

export interface AccountStore {
  /**
   * The account of (issuer, subject), made at the first call, its display fields and `lastLoginAt` updated at later ones.
   * The handle comes from `preferredName` once: other characters become `-`, a collision gets `-2`, `-3`, ...
   */
  upsertAccount(identity: Identity, now: number): Promise<Account>;
  accountById(id: string): Promise<Account | undefined>;
  accountsByIds(ids: readonly string[]): Promise<readonly Account[]>;
  /** Exact matches of handle, e-mail (case-insensitive) or subject, or of issuer + subject when both are given. At most 20. */
  findAccounts(query: { text: string } | { issuer: string; subject: string }): Promise<readonly Account[]>;
}
