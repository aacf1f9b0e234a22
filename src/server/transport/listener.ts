import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { addressKey } from '../../core/addresses.ts';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { type Metrics, silentMetrics } from '../../core/metrics.ts';
import type { CertificatePair } from '../config/pair.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Certificates } from './certificates.ts';
import { createSlots, type Slots } from './limits.ts';

export interface ListenerOptions {
  /** For log and metrics: "grpc" or "https". */
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Undefined: plaintext. */
  readonly certificates: Certificates | undefined;
  /** Application protocol that the port is for (RFC 7301). */
  readonly protocol: Protocol;
  readonly limits: Pick<ServerConfig['limits'], 'handshake' | 'connections' | 'connectionsPerAddress' | 'keepalive'>;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Takes over a connection that is within the limits and, with TLS, through its handshake. */
  onSocket(socket: Socket): void;
  /** The same for connections whose TLS client speaks the other protocol only; absent: they are refused. */
  onOther?(socket: Socket): void;
}

export type Protocol = 'h2' | 'http/1.1';

/** A TCP port that bounds connections before anything else sees them (security.md T-28). */
export interface Listener {
  /** The port that it got. @throws FAILED_PRECONDITION ADDRESS_UNUSABLE */
  listen(): Promise<number>;
  /** Takes no more connections and drops those in their handshake; resolves when the others have ended or `graceMs` are over and they were cut. */
  drain(graceMs: number): Promise<void>;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** TLS 1.3, or 1.2 with forward secrecy and AEAD only (security.md TL-01). */
const TLS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  honorCipherOrder: true,
};

interface Door {
  readonly options: ListenerOptions;
  readonly metrics: Metrics;
  readonly slots: Slots;
  readonly sockets: Set<Socket>;
  /** Connections in their handshake, by remote address and port: TLS gives no way back to the socket below. */
  readonly handshakes: Map<string, Socket>;
  readonly tls: TlsServer | undefined;
}

export function createListener(options: ListenerOptions): Listener {
  const { host, port, certificates, limits, metrics = silentMetrics } = options;
  const slots = createSlots({ perKey: limits.connectionsPerAddress, total: limits.connections });
  const handshakes = new Map<string, Socket>();
  const tls = certificates && createTls(options, certificates.current(), handshakes);
  const door: Door = { options, metrics, slots, sockets: new Set(), handshakes, tls };
  const forget = certificates?.onChange(({ cert, key }) => tls?.setSecureContext({ ...TLS, cert, key }));
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.keepalive }, (socket) =>
    accept(door, socket),
  );
  const stop = () => {
    forget?.();
    server.close();
    for (const socket of handshakes.values()) socket.destroy();
  };
  return {
    async listen() {
      const taken = await listen(server, host, port);
      // Such as EMFILE: that connection is lost, the port is not.
      server.on('error', (error) => options.log.error({ err: error }, 'a connection could not be taken'));
      return taken;
    },
    async drain(graceMs) {
      stop();
      await allClosed(door.sockets, graceMs);
    },
    async close() {
      stop();
      await allClosed(door.sockets, 0);
    },
  };
}

function accept(door: Door, socket: Socket): void {
  const { options, metrics, slots } = door;
  const slot = slots.take(addressKey(socket.remoteAddress));
  socket.on('error', () => {});
  if (typeof slot === 'string') {
    metrics.count('connections_refused_total', { listener: options.name, why: slot === 'key' ? 'address' : 'total' });
    options.log.debug({ address: socket.remoteAddress, bound: slot }, 'connection refused: too many');
    socket.resetAndDestroy();
    return;
  }
  door.sockets.add(socket);
  metrics.set('connections', { listener: options.name }, slots.taken);
  socket.once('close', () => {
    slot();
    door.sockets.delete(socket);
    metrics.set('connections', { listener: options.name }, slots.taken);
  });
  if (door.tls) shakeHands(door, door.tls, socket);
  else options.onSocket(socket);
}

/** The whole handshake has one deadline: a peer that sends a byte now and then gains nothing. */
function shakeHands(door: Door, tls: TlsServer, socket: Socket): void {
  const { options, handshakes, metrics } = door;
  const key = peerKey(socket);
  const timer = setTimeout(() => {
    if (handshakes.get(key) !== socket) return;
    metrics.count('connections_refused_total', { listener: options.name, why: 'handshake' });
    socket.destroy();
  }, options.limits.handshake).unref();
  handshakes.set(key, socket);
  socket.once('close', () => {
    clearTimeout(timer);
    if (handshakes.get(key) === socket) handshakes.delete(key);
  });
  tls.emit('connection', socket);
}

function createTls(
  options: ListenerOptions,
  { cert, key }: CertificatePair,
  handshakes: Map<string, Socket>,
): TlsServer {
  const { protocol, log, limits } = options;
  const other: Protocol = protocol === 'h2' ? 'http/1.1' : 'h2';
  // In the order of our preference: whoever speaks both gets what the port is for.
  const ALPNProtocols = options.onOther ? [protocol, other] : [protocol];
  const tls = createTlsServer({ ...TLS, cert, key, ALPNProtocols, handshakeTimeout: limits.handshake });
  tls.on('secureConnection', (socket) => {
    handshakes.delete(peerKey(socket));
    socket.on('error', () => {});
    // HTTP/2 is never spoken without ALPN (RFC 9113, 3.2); for HTTP/1.1 that is customary.
    const spoken = socket.alpnProtocol || 'http/1.1';
    if (spoken === protocol) options.onSocket(socket);
    else if (options.onOther) options.onOther(socket);
    else socket.destroy();
  });
  tls.on('tlsClientError', (error, socket) => {
    log.debug({ address: socket.remoteAddress, code: (error as NodeJS.ErrnoException).code }, 'TLS handshake failed');
    socket.destroy();
  });
  return tls;
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use by another program' : (error.code ?? error.message);
      reject(
        new AppError('FAILED_PRECONDITION', 'ADDRESS_UNUSABLE', `Can't listen on ${host}:${port}: ${why}.`, {
          cause: error,
        }),
      );
    });
    server.listen({ host, port, backlog: 511 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

async function allClosed(sockets: Set<Socket>, graceMs: number): Promise<void> {
  const closed = Promise.all([...sockets].map((one) => new Promise((done) => one.once('close', done))));
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
