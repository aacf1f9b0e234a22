import type { Secret } from '../core/secret.ts';

/** What an entry of the agent is for, to be listed. Nothing of it is secret. */
export interface AgentLabel {
  /** Path of the credential file. */
  readonly file: string;
  /** `host:port`. */
  readonly server: string;
  readonly account: string;
}

/**
 * A program of this user that keeps keys and tokens in memory. Ids are those of {@link keyId} and {@link tokensId};
 * to the agent they are just text.
 */
export interface KeyAgent {
  /** The key (32 bytes) that opens a sealed credential file; undefined where it has none or is locked: it is asked for then. */
  key(id: string): Promise<Buffer | undefined>;
  putKey(id: string, key: Uint8Array, label: AgentLabel): Promise<void>;
  /**
   * The text of a login that is on no disk (storage `none`), as `putTokens` brought it; undefined where it has none.
   * @throws FAILED_PRECONDITION AGENT_LOCKED; UNAVAILABLE AGENT_UNREACHABLE
   */
  tokens(id: string): Promise<Secret | undefined>;
  putTokens(id: string, tokens: Secret, label: AgentLabel): Promise<void>;
  /** True if there was something. */
  removeTokens(id: string): Promise<boolean>;
  /** True if there was something. */
  removeKey(id: string): Promise<boolean>;
}

/** Where a login's file is, and whom it is for. */
export interface LoginId {
  /** `host:port`. */
  readonly origin: string;
  /** Path of the credential file. */
  readonly path: string;
}

/** Id of the key of a sealed file. `salt`: of a passphrase's key, base64; empty for one from a keyring. */
export function keyId({ origin, path }: LoginId, salt: string): string {
  return `key ${origin} ${path} ${salt}`;
}

/** Id of a login that only the agent holds. */
export function tokensId({ origin, path }: LoginId): string {
  return `tokens ${origin} ${path}`;
}
