import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Certificates } from './certificates.ts';
import { addressOf, type ClientAddress, peerAddress } from './client-address.ts';
import { createPace, readBody } from './http-body.ts';
import type { HttpCalls } from './http-calls.ts';
import { SECURITY_HEADERS } from './http-headers.ts';
import { createTurns } from './http-turns.ts';
import { createListener } from './listener.ts';

const KiB = 1024;
const MAX_HEADERS = 16 * KiB;
const MAX_BODY = 64 * KiB;
const IDLE_MS = 30_000;
/** A bundle of 10 MiB may take 20 minutes; who sends less than that is no slow line. */
const PACE = { graceMs: 30_000, bytesPerSecond: 8 * KiB };
const PACE_CHECK_MS = 1000;

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly remoteAddress: string;
  /** The whole body. Rejects above the route's `maxBody`. */
  body(): Promise<Buffer>;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent as it comes; where it fails, the connection is cut, so that no part is taken for the whole. */
  readonly body: string | Uint8Array | Readable;
}

/** One path and method; HEAD comes with GET. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Compared as a whole; one that ends in "/" stands for all paths that begin with it. */
  readonly path: string;
  /** Bytes; 64 KiB if absent. */
  readonly maxBody?: number;
  handle(request: HttpRequest): HttpReply | Promise<HttpReply>;
}

export interface HttpsOptions {
  readonly certificates: Certificates | undefined;
  readonly host: string;
  readonly port: number;
  readonly routes: readonly Route[];
  /** Calls of the wires that are spoken over HTTP. */
  readonly calls?: HttpCalls;
  /** Takes over connections that turn out to be HTTP/2; absent: they are refused. */
  readonly onHttp2?: (socket: Socket) => void;
  readonly limits: ServerConfig['limits'];
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Default: the peer of the connection. */
  readonly clientAddress?: ClientAddress;
  /** How long a connection may stand still, in ms; 30 s unless given. */
  readonly idleMs?: number;
}

export interface Https {
  listen(): Promise<number>;
  /** A connection from another port of ours, on which the wires are served and no route. */
  take(socket: Socket): void;
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export function createHttps({ routes, calls, onHttp2, idleMs = IDLE_MS, clientAddress, ...rest }: HttpsOptions): Https {
  const ways = { log: rest.log, clientAddress: clientAddress ?? peerAddress };
  const pace = createPace(PACE);
  const turns = createTurns();
  const guests = new WeakSet<Socket>();
  let isDraining = false;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADERS,
      headersTimeout: rest.limits.handshake,
      // One bound for all bodies would be too long for a small one and too short for a bundle: see PACE.
      requestTimeout: 0,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(1000, rest.limits.handshake),
    },
    (request, response) => turns(request, response, () => handle(request, response)),
  );
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    // Node takes the bound off where a connection is used again.
    request.socket.setTimeout(idleMs);
    if (!request.complete) pace.watch(request);
    response.once('finish', () => isDraining && request.socket.end());
    if (calls?.answer(request, response)) return;
    void answer(guests.has(request.socket) ? [] : routes, request, response, ways);
  };
  server.maxHeadersCount = 100;
  server.on('clientError', (_error, socket) => socket.destroy());
  const take = (socket: Socket) => {
    // A peer that never sends a request is cut by idleness; headersTimeout counts from its first byte.
    socket.setTimeout(idleMs, () => socket.destroy());
    server.emit('connection', socket);
  };
  const other = onHttp2 ? { onOther: onHttp2 } : {};
  const listener = createListener({ ...rest, ...other, name: 'https', protocol: 'http/1.1', onSocket: take });
  const checks = setInterval(() => pace.check(performance.now()), PACE_CHECK_MS).unref();
  const stop = () => {
    clearInterval(checks);
    server.close();
    server.closeAllConnections();
  };
  return {
    async listen() {
      const port = await listener.listen();
      // Connections are handed in, so the server never listens by itself; this starts its checks of header time.
      server.emit('listening');
      return port;
    },
    take(socket) {
      guests.add(socket);
      take(socket);
    },
    async drain(graceMs) {
      isDraining = true;
      calls?.endStreams();
      server.closeIdleConnections();
      await listener.drain(graceMs);
      stop();
    },
    async close() {
      await listener.close();
      stop();
    },
  };
}

async function answer(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  { log, clientAddress }: { readonly log: Logger; readonly clientAddress: ClientAddress },
): Promise<void> {
  const reply = await replyTo(routes, request, clientAddress).catch((error: unknown) => failure(error, request, log));
  // A body that nobody read must not be taken for the next request.
  const connection = request.complete ? {} : { connection: 'close' };
  const headers = { ...SECURITY_HEADERS, ...reply.headers, ...connection };
  if (isStream(reply.body)) return stream(reply.body, request, response.writeHead(reply.status, headers), log);
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status, { ...headers, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function isStream(body: HttpReply['body']): body is Readable {
  return typeof (body as Partial<Readable>).pipe === 'function';
}

/** As fast as the client reads; whichever side ends early, the other one ends with it. */
async function stream(body: Readable, request: IncomingMessage, response: ServerResponse, log: Logger): Promise<void> {
  if (request.method === 'HEAD') {
    body.destroy();
    response.end();
    return;
  }
  response.flushHeaders();
  try {
    await pipeline(body, response);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE')
      log.warn({ err: error, method: request.method }, 'an HTTP answer was cut');
  }
}

async function replyTo(
  routes: readonly Route[],
  request: IncomingMessage,
  clientAddress: ClientAddress,
): Promise<HttpReply> {
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const here = routes.filter(
    (route) => route.path === path || (route.path.endsWith('/') && path.startsWith(route.path)),
  );
  if (here.length === 0) return errorReply(404, 'not_found');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = here.find((one) => one.method === method);
  if (!route) return { ...errorReply(405, 'method_not_allowed'), headers: { ...JSON_TYPE, allow: allowed(here) } };
  return route.handle({
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers: request.headers,
    remoteAddress: addressOf(request, clientAddress),
    body: () => readBody(request, route.maxBody ?? MAX_BODY),
  });
}

function allowed(routes: readonly Route[]): string {
  return routes.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ');
}

function failure(error: unknown, request: IncomingMessage, log: Logger): HttpReply {
  if ((error as Error).name === 'BodyTooLarge') return errorReply(413, 'body_too_large');
  log.error({ err: error, method: request.method }, 'an HTTP request failed');
  return errorReply(500, 'internal_error');
}

const JSON_TYPE = { 'content-type': 'application/json' } as const;

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: `${JSON.stringify(value)}\n` };
}

function errorReply(status: number, error: string): HttpReply {
  return jsonReply(status, { error });
}
