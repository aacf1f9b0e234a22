import { BlockList, isIP } from 'node:net';

/** RFC 1918, RFC 6598 (carrier-grade NAT), link-local, RFC 4193. */
const PRIVATE = subnets([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['fc00::', 7],
  ['fe80::', 10],
]);
/** True for a private address. Names count as private: without a dot they are local, and others are not looked up. */
export function isPrivate(host: string): boolean {
  return isIP(host) === 0 ? !host.includes('.') : contains(PRIVATE, host);
}

function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function subnets(all: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of all) list.addSubnet(network, bits, isIP(network) === 6 ? 'ipv6' : 'ipv4');
  return list;
}
