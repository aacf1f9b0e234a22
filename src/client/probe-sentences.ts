import { AppError, type ErrorCode } from '../core/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { splitAddress } from './endpoint.ts';
import type { PresentedCertificate } from './presented.ts';

/** What a probe of an endpoint found. `detail` is the code of Node or OpenSSL; `expires` epoch ms. */
export interface ProbeFinding {
  readonly kind:
    | 'healthy'
    | 'dns'
    | 'refused'
    | 'timeout'
    | 'unreachable'
    | 'unknown-ca'
    | 'expired'
    | 'not-yet-valid'
    | 'wrong-name'
    | 'plaintext'
    | 'wants-tls'
    | 'tls-refused'
    | 'not-grpc'
    | 'closed'
    | 'proxy';
  readonly detail?: string;
  readonly expires?: number | undefined;
  /** What the server shows, where that is what is wrong. */
  readonly presented?: PresentedCertificate | undefined;
  /** Of kind "proxy": what is wrong with it. */
  readonly failure?: AppError;
}

interface Sentence {
  readonly reason: string;
  readonly text: (address: string, host: string, presented: PresentedCertificate | undefined) => string;
  readonly hint: (endpoint: Endpoint, presented: PresentedCertificate | undefined) => string;
}

const CHECK_ADDRESS = () => 'Check "address" of the connection, and that the server is running.';

const SENTENCES: Readonly<Record<ProbeFinding['kind'], Sentence>> = {
  healthy: {
    reason: 'SERVER_NOT_ANSWERING',
    text: (address) => `The server at ${address} can be reached, but it did not answer the call.`,
    hint: () => 'Try again in a moment; if it stays so, its operator will find the cause in the server log.',
  },
  dns: {
    reason: 'SERVER_NAME_UNKNOWN',
    text: (_address, host) => `The name ${host} can't be resolved.`,
    hint: () => 'Check "address" of the connection, your network and VPN.',
  },
  refused: {
    reason: 'SERVER_REFUSED',
    text: (address) => `Nothing listens at ${address}.`,
    hint: CHECK_ADDRESS,
  },
  timeout: {
    reason: 'SERVER_TIMEOUT',
    text: (address) => `${address} does not answer.`,
    hint: () => 'Check "address" of the connection, your network, VPN and firewall.',
  },
  unreachable: {
    reason: 'SERVER_UNREACHABLE',
    text: (address) => `There is no route to ${address}.`,
    hint: () => 'Check your network and VPN.',
  },
  'unknown-ca': {
    reason: 'CERTIFICATE_UNTRUSTED',
    text: (address, _host, presented) =>
      `The certificate of ${address} is not signed by an authority that this connection trusts.${authorityOf(presented)}`,
    hint: (endpoint, presented) =>
      [
        endpoint.rootCertificates === undefined
          ? "Set root-certificates of the connection to the CA file that the server's operator gave you."
          : "Get the current CA file from the server's operator and put it where root-certificates points.",
        ...(presented ? [`Ask the operator for its SHA-256 first, and compare all of it.`] : []),
        ...(endpoint.proxy ? ['If it is the authority of a proxy that opens TLS, ask for a way without it.'] : []),
      ].join(' '),
  },
  expired: {
    reason: 'CERTIFICATE_EXPIRED',
    text: (address, _host, presented) =>
      `The certificate of ${address} has expired${presented ? `: it was good until ${day(presented.until)}` : ''}.`,
    hint: () => "Check this machine's clock; if it is right, the server's operator must renew the certificate.",
  },
  'not-yet-valid': {
    reason: 'CERTIFICATE_NOT_YET_VALID',
    text: (address, _host, presented) =>
      `The certificate of ${address} is not valid yet${presented ? `: it begins at ${day(presented.from)}` : ''}.`,
    hint: () => "Check this machine's clock.",
  },
  'wrong-name': {
    reason: 'CERTIFICATE_WRONG_NAME',
    text: (address, host, presented) =>
      `The certificate of ${address} was not made for the name ${host}${presented ? `, but for ${namesOf(presented)}` : ''}.`,
    hint: () => 'Use a name in "address" that the certificate holds, or have the operator add this one.',
  },
  plaintext: {
    reason: 'SERVER_PLAINTEXT',
    text: (address) => `${address} does not speak TLS.`,
    hint: () =>
      'Check the port: a control plane speaks TLS. For a SuperLink without TLS set insecure = true in the connection.',
  },
  'wants-tls': {
    reason: 'SERVER_WANTS_TLS',
    text: (address) => `${address} wants TLS, but the connection says "insecure = true".`,
    hint: () => 'Remove "insecure = true" from the connection and set root-certificates.',
  },
  'tls-refused': {
    reason: 'TLS_REFUSED',
    text: (address) => `${address} refused the TLS connection.`,
    hint: () => 'The server and this program share no TLS version or cipher; tell its operator.',
  },
  'not-grpc': {
    reason: 'SERVER_NOT_GRPC',
    text: (address) => `${address} speaks HTTP, but neither gRPC nor Flower's API.`,
    hint: () =>
      "Check the port: the control plane's gRPC port is 9093 unless its operator says otherwise. A balancer in front must pass HTTP/2 (ALPN h2).",
  },
  closed: {
    reason: 'SERVER_CLOSED',
    text: (address) => `${address} closed the connection.`,
    hint: () => 'Try again in a moment; check the port and whether something between you and the server cuts TLS.',
  },
  proxy: {
    reason: 'PROXY_UNREACHABLE',
    text: (address) => `The proxy on the way to ${address} can't be used.`,
    hint: () => 'Check HTTPS_PROXY; NO_PROXY names servers that need none.',
  },
};

const MAX_NAMES = 6;

function authorityOf(presented: PresentedCertificate | undefined): string {
  if (presented === undefined) return '';
  const { subject, issuer, sha256 } = presented.top;
  const whose =
    subject === issuer
      ? `Its authority is "${subject}"`
      : `It was signed by "${issuer}", the last shown is "${subject}"`;
  return ` ${whose}, SHA-256 ${sha256}.`;
}

function namesOf({ names, subject }: PresentedCertificate): string {
  if (names.length === 0) return `"${subject}" without any name`;
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return names.slice(0, MAX_NAMES).join(', ') + more;
}

const day = (time: number): string =>
  Number.isNaN(time) ? 'an unreadable time' : new Date(time).toISOString().replace('.000', '');

/** The failure that a finding stands for, with its next step. */
export function sentenceFor(finding: ProbeFinding, endpoint: Endpoint, cause: unknown): AppError {
  if (finding.failure !== undefined) return finding.failure;
  const sentence = SENTENCES[finding.kind];
  const { host } = splitAddress(endpoint.address);
  const code: ErrorCode = 'UNAVAILABLE';
  return new AppError(code, sentence.reason, sentence.text(endpoint.address, host, finding.presented), {
    hint: sentence.hint(endpoint, finding.presented),
    cause,
  });
}
