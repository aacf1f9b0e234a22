import type { Headers } from './binding.ts';

/** The minor number of a release 1.x that a client announces, which it does from 1.30 on (flower facts, section 2); else undefined. */
export function announcedMinor(headers: Headers): number | undefined {
  const [, minor] = /^1\.(\d{1,4})(?:\D|$)/.exec(headers.get('flwr-package-version')[0] ?? '') ?? [];
  return minor === undefined ? undefined : Number(minor);
}

/** First release that closes its channel when a login fails (flower facts, 1.1). */
const CLOSES = 32;

/**
 * True for releases that may never end once a login RPC has failed: gRPC's Python client waits for itself in the end.
 * Only a login that runs out of time, or is of an unknown type, ends there.
 */
export function hangsOnFailedLogin(headers: Headers): boolean {
  return (announcedMinor(headers) ?? 0) < CLOSES;
}

/** What a login is named after: the release where it is told. */
export function clientName(headers: Headers): string {
  const version = headers.get('flwr-package-version')[0] ?? '';
  return /^[\w.+-]{1,40}$/.test(version) ? `flwr ${version}` : 'flwr';
}
