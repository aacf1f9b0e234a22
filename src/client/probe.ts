import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type AppError, isAppError } from '../core/errors.ts';
import { addressIdentity } from '../core/peer-identity.ts';
import { trustedBy } from '../core/trust-roots.ts';
import { closeAfter, firstBytes, openCarrier } from './carrier.ts';
import { type Endpoint, splitAddress } from './endpoint.ts';
import { type ProbeFinding, sentenceFor } from './probe-sentences.ts';

/** First bytes of every HTTP/2 connection and an empty SETTINGS frame (RFC 9113, 3.4). */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Why an endpoint can't be talked to, as an AppError with its next step; undefined where nothing is found wrong with the connection. */
export async function diagnose(endpoint: Endpoint, cause: unknown): Promise<AppError | undefined> {
  const finding = await probe(endpoint);
  const code = (cause as { code?: unknown } | undefined)?.code;
  // A healthy connection says nothing about a refusal that came as an answer (UNIMPLEMENTED, INTERNAL).
  if (finding.kind === 'healthy' && (code === 12 || code === 13 || code === 2)) return undefined;
  return sentenceFor(finding, endpoint, cause);
}

/**
 * Looks at proxy, name, port, TLS and protocol in turn, and stops at the first thing that is wrong. Takes 4 s at most per step.
 * For HTTP the protocol is not looked at.
 */
export async function probe(endpoint: Endpoint, transport: 'grpc' | 'http' = 'grpc'): Promise<ProbeFinding> {
  try {
    const found = endpoint.insecure ? await probePlain(endpoint, transport) : await probeTls(endpoint);
    return transport === 'http' && found.kind === 'not-grpc' ? { ...found, kind: 'healthy' } : found;
  } catch (error) {
    if (isAppError(error)) return { kind: 'proxy', failure: error };
    const found = classify(error, endpoint.insecure);
    return ABOUT_CERTIFICATE.includes(found.kind) ? { ...found, presented: await presentedBy(endpoint) } : found;
  }
}

const ABOUT_CERTIFICATE: readonly ProbeFinding['kind'][] = ['unknown-ca', 'expired', 'not-yet-valid', 'wrong-name'];

async function presentedBy(endpoint: Endpoint): Promise<ProbeFinding['presented']> {
  try {
    const { lookAtCertificate } = await import('./presented.ts');
    const to = splitAddress(endpoint.address);
    return await lookAtCertificate(await openCarrier(to, endpoint.proxy), to.host);
  } catch {
    return undefined;
  }
}

async function probePlain(endpoint: Endpoint, transport: 'grpc' | 'http'): Promise<ProbeFinding> {
  const { socket } = await openCarrier(splitAddress(endpoint.address), undefined);
  try {
    if (transport === 'http') return { kind: 'healthy' };
    socket.write(PREFACE);
    const first = await firstBytes(socket);
    if (first === undefined || first[0] === 0x15) return { kind: 'wants-tls' };
    if (first.toString('latin1', 0, 5) === 'HTTP/') return { kind: 'not-grpc' };
    return { kind: 'healthy' };
  } finally {
    socket.destroy();
  }
}

async function probeTls(
  endpoint: Endpoint,
  ALPNProtocols: readonly string[] = ['h2', 'http/1.1'],
): Promise<ProbeFinding> {
  const to = splitAddress(endpoint.address);
  const ca = trustedBy(endpoint.rootCertificates, process.env);
  const { socket: carrier } = await openCarrier(to, endpoint.proxy);
  const socket = connectTls({
    socket: carrier,
    ca,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    servername: to.host,
    ALPNProtocols: [...ALPNProtocols],
    ...addressIdentity(to.host),
  });
  const { protocol, expires } = await closeAfter(socket, 'secureConnect', () => ({
    protocol: socket.alpnProtocol,
    expires: expiryOf(socket),
  }));
  if (protocol === 'h2') return { kind: 'healthy', expires };
  if (ALPNProtocols.length === 1) return { kind: 'not-grpc', expires };
  // A server of both may prefer HTTP/1.1, as our HTTPS port does; gRPC offers h2 alone.
  const alone = await probeTls(endpoint, ['h2']).catch((error: unknown) => classify(error, false));
  return { kind: alone.kind === 'healthy' ? 'healthy' : 'not-grpc', expires };
}

function expiryOf(socket: TLSSocket): number | undefined {
  const until = Date.parse(socket.getPeerCertificate().valid_to);
  return Number.isNaN(until) ? undefined : until;
}

const UNTRUSTED: readonly string[] = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
];

function classify(error: unknown, insecure: boolean): ProbeFinding {
  const detail = codeOf(error);
  if (detail === 'ECONNREFUSED') return { kind: 'refused', detail };
  if (detail === 'PROBE_TIMEOUT' || detail === 'ETIMEDOUT') return { kind: 'timeout', detail };
  if (detail === 'ENOTFOUND' || detail === 'EAI_AGAIN') return { kind: 'dns', detail };
  if (detail === 'EHOSTUNREACH' || detail === 'ENETUNREACH') return { kind: 'unreachable', detail };
  if (UNTRUSTED.includes(detail)) return { kind: 'unknown-ca', detail };
  if (detail === 'CERT_HAS_EXPIRED') return { kind: 'expired', detail };
  if (detail === 'CERT_NOT_YET_VALID') return { kind: 'not-yet-valid', detail };
  if (detail === 'ERR_TLS_CERT_ALTNAME_INVALID') return { kind: 'wrong-name', detail };
  if (detail === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') return { kind: 'not-grpc', detail };
  if (detail.startsWith('ERR_SSL_TLSV1') || detail.startsWith('ERR_SSL_SSLV3')) return { kind: 'tls-refused', detail };
  if (detail.startsWith('ERR_SSL_') || detail === 'EPROTO') return { kind: 'plaintext', detail };
  if (insecure) return { kind: 'wants-tls', detail };
  return { kind: 'closed', detail };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{1,80}$/.test(code) ? code : 'UNKNOWN';
}
