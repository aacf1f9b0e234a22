import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  /** Host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;

/** Splits `host:port`, `[ipv6]:port`; the problem, as the end of a sentence, where the text is neither. */
export function parseAddress(text: string): Address | { readonly problem: string } {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { problem: 'must be host:port without a scheme' };
  const match = /^(?:\[([^\]]*)\]|([^:\s]*)):([0-9]{1,5})$/.exec(text);
  if (!match) return { problem: 'must be host:port' };
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65535) return { problem: 'has no port between 1 and 65535' };
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port } : { problem: 'has no valid IPv6 address' };
  const host = name ?? '';
  if (!HOST_NAME.test(host)) return { problem: 'has no valid host name' };
  if (/^[0-9.]+$/.test(host) && !isIPv4(host)) return { problem: 'has no valid IPv4 address' };
  return { host, port };
}
