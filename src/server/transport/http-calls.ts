import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../core/errors.ts';
import type { Peer } from '../../core/services.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Binding, Headers, HttpForm, HttpRefusal, PublicError, Wire } from '../rpc/wire/binding.ts';
import { type Arrived, type Calls, tooLarge } from './calls.ts';
import { addressOf, type ClientAddress, peerAddress } from './client-address.ts';
import { drained } from './drained.ts';
import { discardBody, readBody } from './http-body.ts';
import { SECURITY_HEADERS } from './http-headers.ts';

export interface HttpCallsOptions {
  /** Those with a form for HTTP. */
  readonly wires: readonly Wire[];
  readonly calls: Calls;
  readonly limits: Pick<ServerConfig['limits'], 'upload'>;
  /** Default: the peer of the connection. */
  readonly clientAddress?: ClientAddress;
}

/** The wires of the HTTPS port. */
export interface HttpCalls {
  /** Takes over what is for one of its wires; false where the path belongs to none. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  endStreams(): void;
}

/** One binding as it is served. */
interface Served {
  readonly wire: Wire;
  readonly form: HttpForm;
  readonly binding: Binding;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A socket on which an answer makes no progress is cut (ms). */
const STALLED_MS = 30_000;

/** Calls over HTTP/1.1: one POST each, in protobuf; everything between is the pipeline's. */
export function createHttpCalls(options: HttpCallsOptions): HttpCalls {
  const { wires, calls, limits, clientAddress = peerAddress } = options;
  const forms = wires.flatMap((wire) => (wire.http ? [{ wire, form: wire.http }] : []));
  const served = new Map<string, Served>(
    forms.flatMap(({ wire, form }) => wire.bindings.map((binding) => [binding.path, { wire, form, binding }])),
  );

  return {
    answer(request, response) {
      const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
      const home = forms.find(({ form }) => path.startsWith(form.prefix));
      if (!home) return false;
      const one = served.get(path);
      const error = misdirected(request, home, path, one);
      const exchange = { request, response };
      if (error || !one) refuse(exchange, home.form, error ?? unknownPath());
      // Whatever goes wrong with one connection ends that one.
      else serve(exchange, one).catch(() => request.socket.destroy());
      return true;
    },
    endStreams: () => calls.endStreams(),
  };

  async function serve(exchange: Exchange, one: Served): Promise<void> {
    // How long a handler may take is its own affair, and a log is quiet at times; TCP's keepalive finds dead peers.
    exchange.request.socket.setTimeout(0);
    const call = await arrived(exchange, one);
    if (one.binding.kind === 'server-stream') return calls.answerStream({ ...call, ...streaming(exchange, one.form) });
    return calls.answer({ ...call, send: (message) => send(exchange, one.form, message) });
  }

  async function arrived(exchange: Exchange, { wire, form, binding }: Served): Promise<Arrived> {
    const { request, response } = exchange;
    const headers = headersOf(request);
    const read = async () => [await bodyOf(request, binding.maxBytes)];
    // A small request is read before anybody is asked, as over gRPC; an upload waits until its caller is known (T-31).
    const early = binding.kind === 'client-stream' ? undefined : await settle(read());
    return {
      wire,
      binding,
      headers,
      peer: peerOf(request, clientAddress),
      request: early && 'value' in early ? early.value[0] : undefined,
      read: async () => (early ? unwrap(early) : read()),
      accepted: () => undefined,
      onGone: (gone) => response.once('close', gone),
      fail(error) {
        if (!response.headersSent) return refuse(exchange, form, error);
        // Never a clean end: clients take that for the whole.
        request.socket.destroy();
        return error.code;
      },
    };
  }

  function refuse({ request, response }: Exchange, form: HttpForm, error: PublicError): HttpRefusal['code'] {
    const { status, headers, body, code } = form.refuse(error);
    const json = Buffer.from(JSON.stringify(body));
    response.writeHead(status, {
      ...SECURITY_HEADERS,
      ...headers,
      'content-type': 'application/json',
      'content-length': json.length,
    });
    response.end(json);
    discardBody(request, limits.upload);
    return code;
  }
}

function send({ request, response }: Exchange, form: HttpForm, message: Uint8Array): void {
  request.socket.setTimeout(STALLED_MS);
  const headers = { ...SECURITY_HEADERS, pragma: 'no-cache', 'content-type': form.mediaType };
  response.writeHead(200, { ...headers, 'content-length': message.length });
  response.end(message);
}

function streaming({ response }: Exchange, form: HttpForm) {
  return {
    open() {
      const headers = { ...SECURITY_HEADERS, pragma: 'no-cache', 'content-type': form.streamMediaType };
      response.writeHead(200, headers);
      response.flushHeaders();
    },
    write: (message: Uint8Array, signal: AbortSignal) =>
      response.write(form.frame(message)) ? undefined : drained(response, signal),
    end: () => void response.end(),
  };
}

type Home = { readonly wire: Wire; readonly form: HttpForm };

/** Why a request is no call; undefined if it is one. */
function misdirected(
  request: IncomingMessage,
  { wire, form }: Home,
  path: string,
  one: Served | undefined,
): AppError | undefined {
  const sentence = wire.unimplemented[path];
  if (!one && sentence === undefined) return unknownPath();
  if (request.method !== 'POST') return new AppError('UNIMPLEMENTED', 'METHOD_NOT_ALLOWED', 'Method Not Allowed');
  if (!one) return new AppError('UNIMPLEMENTED', 'NOT_SERVED', sentence ?? '');
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const isPlain = (request.headers['content-encoding'] ?? 'identity') === 'identity';
  if (type === form.mediaType && isPlain) return undefined;
  return new AppError(
    'INVALID_ARGUMENT',
    'MEDIA_TYPE_UNSUPPORTED',
    `The content type of a request is ${form.mediaType}, without compression.`,
  );
}

function unknownPath(): AppError {
  return new AppError('NOT_FOUND', 'PATH_UNKNOWN', 'Not Found');
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  try {
    return await readBody(request, maxBytes);
  } catch (error) {
    if ((error as Error).name === 'BodyTooLarge') throw tooLarge(maxBytes);
    throw new AppError('CANCELLED', 'CALL_ENDED', 'The call has ended.');
  }
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

function unwrap<T>(settled: Settled<T>): T {
  if ('value' in settled) return settled.value;
  throw settled.error;
}

function headersOf(request: IncomingMessage): Headers & { bytes: number } {
  const { rawHeaders } = request;
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length, 0) + (rawHeaders.length / 2) * 32;
  return { bytes, get: (name) => request.headersDistinct[name] ?? [] };
}

function peerOf(request: IncomingMessage, clientAddress: ClientAddress): Peer {
  return {
    address: addressOf(request, clientAddress),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 200),
  };
}
