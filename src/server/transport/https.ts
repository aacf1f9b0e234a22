import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Certificates } from './certificates.ts';
import { createListener } from './listener.ts';

const KiB = 1024;
const MAX_HEADERS = 16 * KiB;
const MAX_BODY = 64 * KiB;
const REQUEST_MS = 30_000;
const IDLE_MS = 30_000;

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
  readonly limits: ServerConfig['limits'];
  readonly log: Logger;
  readonly metrics?: Metrics;
}

export interface Https {
  listen(): Promise<number>;
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export function createHttps({ routes, ...rest }: HttpsOptions): Https {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADERS,
      headersTimeout: rest.limits.handshake,
      requestTimeout: Math.max(REQUEST_MS, rest.limits.handshake),
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: Math.min(1000, rest.limits.handshake),
    },
    (request, response) => void answer(routes, request, response, rest.log),
  );
  server.maxHeadersCount = 100;
  server.on('clientError', (_error, socket) => socket.destroy());
  const listener = createListener({
    ...rest,
    name: 'https',
    protocol: 'http/1.1',
    onSocket: (socket) => {
      // A peer that never sends a request is cut by idleness; headersTimeout counts from its first byte.
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      server.emit('connection', socket);
    },
  });
  return {
    async listen() {
      const port = await listener.listen();
      // Connections are handed in, so the server never listens by itself; this starts its checks of header and request time.
      server.emit('listening');
      return port;
    },
    async drain(graceMs) {
      server.closeIdleConnections();
      await listener.drain(graceMs);
      server.close();
    },
    async close() {
      await listener.close();
      server.close();
    },
  };
}

/** Headers of every answer. There are no redirects (security.md T-08) and nothing to embed (T-42). */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
} as const;

async function answer(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  const reply = await replyTo(routes, request).catch((error: unknown) => failure(error, request, log));
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

async function replyTo(routes: readonly Route[], request: IncomingMessage): Promise<HttpReply> {
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
    remoteAddress: request.socket.remoteAddress ?? '',
    body: () => readBody(request, route.maxBody ?? MAX_BODY),
  });
}

function allowed(routes: readonly Route[]): string {
  return routes.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ');
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  // The default would destroy the connection with the iterator, and with it the answer.
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    size += (piece as Buffer).length;
    if (size > maxBytes) throw new BodyTooLarge();
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
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
