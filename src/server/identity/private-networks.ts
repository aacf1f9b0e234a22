import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopback, plainAddress } from '../../core/addresses.ts';
import { isPrivate } from '../../core/private-addresses.ts';

/** This network (RFC 791), multicast and reserved ones, the unspecified address. */
const NOWHERE = /^(?:0\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.|::$|ff)/i;

/** True for an address that is not on the public Internet. */
function isInside(address: string): boolean {
  const plain = plainAddress(address);
  return isIP(plain) === 0 || isLoopback(plain) || isPrivate(plain) || NOWHERE.test(plain);
}

const refused = () =>
  Object.assign(new Error('refused: an endpoint of the identity provider is on a private network'), {
    code: 'PRIVATE_ADDRESS',
  });

/**
 * Metadata of a provider may not point into our own network, where services trust whoever reaches them (security.md MD-02).
 * Names are judged where they are looked up. A provider on this machine may have its endpoints here, too.
 * @param origins those that an administrator has named
 */
export function refusePrivate(url: URL, origins: readonly string[]): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isLoopback(host) && origins.some((origin) => isLoopback(new URL(origin).hostname))) return;
  if (isLoopback(host) || (isIP(host) !== 0 && isInside(host))) throw refused();
}

/** Looks a name up and refuses private addresses: what was judged is what is connected to. */
export const publicLookup: LookupFunction = (host, options, done) => {
  const settings: LookupOptions = { ...options, all: true };
  lookup(host, settings, (error, found) => {
    const addresses = (found ?? []) as LookupAddress[];
    const wrong = error ?? (addresses.some(({ address }) => isInside(address)) ? refused() : null);
    if (wrong !== null) return done(wrong, '', 0);
    if (options.all) return (done as (error: null, all: LookupAddress[]) => void)(null, addresses);
    const [first] = addresses;
    return done(null, first?.address ?? '', first?.family ?? 4);
  });
};
