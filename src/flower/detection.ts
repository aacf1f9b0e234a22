import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import type { Destination, ForwardProxy } from '../core/proxy.ts';
import { trustedBy } from '../core/trust-roots.ts';
import { openTunnel } from '../core/tunnel.ts';
import type { FlowerControl, FlowerEndpoint } from './control.ts';
import { flowerFailure, isFlowerFailure } from './failure.ts';
import { openFlowerGrpc } from './grpc.ts';
import { openFlowerHttp } from './http.ts';
import { patiently } from './patience.ts';
import { rpcs } from './rpcs.ts';
import { CONNECT_MS, type FlowerOptions, isIpAddress, splitAddress } from './trust.ts';

export type FlowerTransport = FlowerControl['transport'];

/** One line per transport. */
export const TRANSPORTS: Readonly<
  Record<FlowerTransport, (endpoint: FlowerEndpoint, options: FlowerOptions) => FlowerControl>
> = { grpc: openFlowerGrpc, http: openFlowerHttp };

const PROBE_MS = 10_000;

export type DetectOptions = FlowerOptions & {
  /** How long the answer to one question may take, milliseconds; 10 s if absent. */
  readonly probeMs?: number;
};

/**
 * Finds out which of its two transports a SuperLink speaks (flower/facts section 0), without any token: a harmless question
 * is asked, over TLS first of what the server offers in the handshake.
 * @throws FlowerFailure 'unreachable', 'unavailable', or 'invalid' where something else than a SuperLink answers
 */
export async function detectFlower(endpoint: FlowerEndpoint, options: DetectOptions): Promise<FlowerTransport> {
  const { tokens: _none, ...bare } = options;
  const patience = options.patient ? (options.connectMs ?? CONNECT_MS) : 0;
  const candidates: readonly FlowerTransport[] = endpoint.insecure
    ? ['http', 'grpc']
    : (await patiently(patience, () => offersHttp2(endpoint, options)))
      ? ['grpc', 'http']
      : ['http'];
  const failures: unknown[] = [];
  for (const transport of candidates) {
    const failure = await probe(transport, endpoint, bare);
    if (failure === undefined) return transport;
    // Nobody listens: another protocol will not find anybody either.
    if (isFlowerFailure(failure) && failure.kind === 'unreachable' && failures.length === 0) throw failure;
    failures.push(failure);
  }
  const away = failures.find((one) => isFlowerFailure(one) && one.kind === 'unavailable' && one.code !== undefined);
  const cause = new AggregateError(failures, 'neither gRPC nor HTTP of a SuperLink');
  throw flowerFailure({
    kind: away === undefined ? 'invalid' : 'unavailable',
    code: away === undefined ? undefined : 'UNAVAILABLE',
    cause,
  });
}

/** Undefined where a SuperLink answers over this transport, whatever it says. */
async function probe(transport: FlowerTransport, endpoint: FlowerEndpoint, options: DetectOptions): Promise<unknown> {
  const control = TRANSPORTS[transport](endpoint, options);
  try {
    await control.call(rpcs.listRuns, { runId: 1n, limit: undefined }, { timeoutMs: options.probeMs ?? PROBE_MS });
    return undefined;
  } catch (failure) {
    if (!isFlowerFailure(failure)) throw failure;
    // Not without its own words: web servers of all kinds refuse. And each SuperLink knows this call.
    const speaks = transport === 'grpc' || failure.flowerCode !== undefined || failure.code === 'UNAUTHENTICATED';
    return failure.kind === 'refused' && speaks && failure.code !== 'UNIMPLEMENTED' ? undefined : failure;
  } finally {
    control.close();
  }
}

/** The outcome of ALPN (RFC 7301): gRPC needs HTTP/2. @throws FlowerFailure 'unreachable', also for a certificate that is not trusted */
async function offersHttp2(
  { address, rootCertificates, proxy }: FlowerEndpoint,
  { connectMs = CONNECT_MS, unverified = false }: FlowerOptions,
): Promise<boolean> {
  const to = splitAddress(address);
  const carrier = proxy && (await tunnelTo(proxy, to));
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...(carrier ? { socket: carrier } : to),
      ...(isIpAddress(to.host) ? {} : { servername: to.host }),
      ca: trustedBy(rootCertificates, process.env),
      rejectUnauthorized: !unverified,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    const timer = setTimeout(() => socket.destroy(new Error('no TLS handshake in time')), connectMs);
    socket.once('secureConnect', () => {
      resolve(socket.alpnProtocol === 'h2');
      socket.destroy();
    });
    socket.once('error', (cause) => reject(flowerFailure({ kind: 'unreachable', cause })));
    socket.once('close', () => {
      clearTimeout(timer);
      reject(flowerFailure({ kind: 'unreachable', cause: new Error('closed during the TLS handshake') }));
    });
  });
}

async function tunnelTo(proxy: ForwardProxy, to: Destination): Promise<Socket> {
  try {
    return await openTunnel({ proxy, to });
  } catch (cause) {
    throw flowerFailure({ kind: 'unreachable', cause });
  }
}
