import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** How a peer is named and verified in TLS where its host is an IP address. */
export interface PeerIdentity {
  /** What is sent in place of a name. */
  readonly servername: string;
  checkServerIdentity(name: string, certificate: PeerCertificate): Error | undefined;
}

/** An IP address can't be a TLS server name (RFC 6066, 3): another name is sent, and the address itself is verified. Undefined for a name. */
export function addressIdentity(host: string): PeerIdentity | undefined {
  if (isIP(host) === 0) return undefined;
  return {
    servername: 'localhost',
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  };
}
