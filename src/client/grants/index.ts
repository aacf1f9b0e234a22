import type { Clock } from '../../core/clock.ts';
import type { TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import type { Client } from '../channel.ts';
import { deviceCode } from './device-code.ts';
import type { PendingLogin } from './polling.ts';

export type { PendingLogin } from './polling.ts';

export interface GrantRequest {
  readonly client: Client;
  /** Alias of the identity provider; empty for the server's first. */
  readonly provider: string;
  /** "fedctl 0.1.0" */
  readonly program: string;
  /** Name of this machine. */
  readonly host: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Shows what to do; called once. */
  readonly show: (pending: PendingLogin) => Promise<void>;
}

/** A way to log in: from nothing to a token pair. */
export type Grant = (request: GrantRequest) => Promise<TokenPair>;

/** All ways to log in, by name. */
export const grants = { 'device-code': deviceCode } as const satisfies Record<string, Grant>;
