import { isIP } from 'node:net';
import { isLoopback } from '../core/addresses.ts';
import { AppError } from '../core/errors.ts';
import type { FlowerEndpoint, FlowerTokenStore } from './control.ts';

/** How a connection to a SuperLink is made; the same for both transports. */
export interface FlowerOptions {
  /** Where the tokens of Flower's login come from; without it calls go out without any. */
  readonly tokens?: FlowerTokenStore;
  /** "fedctl/1.2.3": we say who we are. */
  readonly userAgent: string;
  /** How long a connection may take, milliseconds; 3 s if absent. */
  readonly connectMs?: number;
  /** Keeps trying to connect for all of `connectMs`, for a SuperLink that restarts; otherwise the first failure counts. */
  readonly patient?: boolean;
  /** Trusts any certificate: for looking whether a Control API answers, never with tokens. */
  readonly unverified?: boolean;
}

export const CONNECT_MS = 3_000;

export interface HostAndPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** @throws INVALID_ARGUMENT ADDRESS_INVALID */
export function splitAddress(address: string): HostAndPort {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/\s]+)):([0-9]{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new AppError('INVALID_ARGUMENT', 'ADDRESS_INVALID', 'The address of the SuperLink must be HOST:PORT.');
  }
  return { host, port };
}

/** A TLS server name can't be an IP address (RFC 6066, 3). */
export function isIpAddress(host: string): boolean {
  return isIP(host) !== 0;
}

/**
 * Tokens never travel in the clear beyond this machine.
 * @throws INVALID_ARGUMENT INSECURE_REFUSED
 */
export function assertTokensSafe(
  { address, insecure }: FlowerEndpoint,
  { tokens, unverified }: Pick<FlowerOptions, 'tokens' | 'unverified'>,
): void {
  if (tokens === undefined) return;
  if (unverified) throw new TypeError('tokens need a verified peer');
  if (!insecure || isLoopback(splitAddress(address).host)) return;
  throw new AppError(
    'INVALID_ARGUMENT',
    'INSECURE_REFUSED',
    `${address} is not on this machine, so a login there needs TLS.`,
    { hint: 'Remove "insecure = true" from the connection and set root-certificates.' },
  );
}

/** Login calls carry no token: flower/facts section 2. */
const WITHOUT_TOKEN: ReadonlySet<string> = new Set(['GetLoginDetails', 'GetAuthTokens']);

export function carriesToken(rpc: string): boolean {
  return !WITHOUT_TOKEN.has(rpc);
}
