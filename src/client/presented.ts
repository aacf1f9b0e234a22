import { connect, type DetailedPeerCertificate } from 'node:tls';
import { addressIdentity } from '../core/peer-identity.ts';
import { plainText } from '../core/text.ts';
import { type Carrier, closeAfter } from './carrier.ts';

/** What a server shows of itself in TLS, whether it can be trusted or not. */
export interface PresentedCertificate {
  /** Names and addresses that it holds. */
  readonly names: readonly string[];
  /** "CN=localhost, O=Example" */
  readonly subject: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly until: number;
  /** The highest certificate of the chain that the server sends. */
  readonly top: { readonly subject: string; readonly issuer: string; readonly sha256: string };
}

const MAX_CHAIN = 8;
const MAX_TEXT = 200;

/** Looks at a certificate without trusting it: nothing but the handshake is sent. Undefined where none is shown. */
export async function lookAtCertificate(carrier: Carrier, host: string): Promise<PresentedCertificate | undefined> {
  const socket = connect({
    socket: carrier.socket,
    servername: host,
    ...addressIdentity(host),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2', 'http/1.1'],
  });
  return await closeAfter(socket, 'secureConnect', () => described(socket.getPeerCertificate(true))).catch(
    () => undefined,
  );
}

function described(leaf: DetailedPeerCertificate): PresentedCertificate | undefined {
  if (leaf.subject === undefined) return undefined;
  const top = topOf(leaf);
  return {
    names: (leaf.subjectaltname ?? '').split(', ').flatMap((entry) => {
      const [, name] = /^(?:DNS|IP Address):(.+)$/.exec(entry) ?? [];
      return name === undefined ? [] : [plainText(name, MAX_TEXT)];
    }),
    subject: nameOf(leaf.subject),
    issuer: nameOf(leaf.issuer),
    from: Date.parse(leaf.valid_from),
    until: Date.parse(leaf.valid_to),
    top: { subject: nameOf(top.subject), issuer: nameOf(top.issuer), sha256: top.fingerprint256 },
  };
}

function topOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate {
  let top = leaf;
  for (let depth = 0; depth < MAX_CHAIN; depth += 1) {
    const issuer = top.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === top.fingerprint256) break;
    top = issuer;
  }
  return top;
}

/** A distinguished name as one line. */
function nameOf(name: object): string {
  const parts = Object.entries(name as Record<string, string | string[]>);
  const text = parts.flatMap(([key, value]) => [value].flat().map((one) => `${key}=${one}`)).join(', ');
  return plainText(text, MAX_TEXT) || 'nobody';
}
