import type { ForwardProxy } from '../core/proxy.ts';

/** Where a control plane is and how it is trusted. */
export interface Endpoint {
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  /** PEM of the certificates to trust instead of the system's; undefined = the system's. */
  readonly rootCertificates: Uint8Array | undefined;
  /** No TLS at all. Only for loopback, and never with a token. */
  readonly insecure: boolean;
  /** Between this machine and the server; undefined = nothing. Never together with `insecure`. */
  readonly proxy?: ForwardProxy | undefined;
}

/** Host and port of an address; the port defaults to 9093. */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::([0-9]{1,5}))?$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? address;
  return { host, port: match?.[3] === undefined ? 9093 : Number(match[3]) };
}

/** `host:port` as it is dialled. */
export function dialAddress(address: string): string {
  const { host, port } = splitAddress(address);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
