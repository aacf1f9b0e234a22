import { isIPv4 } from 'node:net';

/** An IPv4 address that came through an IPv6 socket, as itself. */
export function plainAddress(remoteAddress: string): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** What counts as one address: an IPv4 address, or the /64 network of an IPv6 address, of which one host has plenty. */
export function addressKey(remoteAddress: string | undefined): string {
  const address = plainAddress(remoteAddress ?? '').replace(/%.*$/, '');
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `${[...left, ...middle, ...right].slice(0, 4).join(':')}::/64`;
}

/** True for 127.0.0.0/8, ::1 (also mapped or in brackets) and "localhost". */
export function isLoopback(host: string): boolean {
  const bare = plainAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}
