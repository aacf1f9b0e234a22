import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../../core/addresses.ts';

/**
 * Whom a request is from: the peer of the connection, or, where that is a proxy of ours, whom it names.
 * @param forwarded values of X-Forwarded-For, in their order
 */
export type ClientAddress = (peer: string, forwarded: readonly string[]) => string;

/** The same of an HTTP request. */
export function addressOf({ socket, headers }: IncomingMessage, clientAddress: ClientAddress): string {
  return clientAddress(socket.remoteAddress ?? '', [headers['x-forwarded-for'] ?? []].flat());
}

/** Nobody is believed: anybody can write a header. */
export const peerAddress: ClientAddress = (peer) => plainAddress(peer);

/**
 * Believes the named networks. Each proxy adds at the right whom it was asked by: read from there, the first address that
 * is none of ours is the client; what stands left of it is that client's own word.
 * @param trusted addresses and networks, "10.0.0.0/8"
 */
export function clientAddresses(trusted: readonly string[]): ClientAddress {
  if (trusted.length === 0) return peerAddress;
  const ours = networks(trusted);
  const isOurs = (address: string) => ours.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (peer, forwarded) => {
    let client = plainAddress(peer);
    const named = forwarded.flatMap((value) => value.split(',')).reverse();
    for (const text of named) {
      if (isIP(client) === 0 || !isOurs(client)) break;
      const next = plainAddress(text.trim().replace(/^\[(.*)\]$/, '$1'));
      if (isIP(next) === 0) break;
      client = next;
    }
    return client;
  };
}

function networks(trusted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const one of trusted) {
    const [address = '', bits] = one.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list;
}
