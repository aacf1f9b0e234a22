import {
  status as grpc,
  Metadata,
  Server,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { plainAddress } from '../../core/addresses.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Peer, TokenPair } from '../../core/services.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Dispatch } from '../rpc/pipeline.ts';
import type { Binding, Headers, Wire } from '../rpc/wire/binding.ts';
import { grpcServerOptions, metadataBytes } from './limits.ts';
import { boundMessages } from './message-limits.ts';
import { toStatus } from './status.ts';

export interface GrpcOptions {
  readonly wires: readonly Wire[];
  readonly dispatch: Dispatch;
  readonly limits: ServerConfig['limits'];
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface GrpcServer extends Server {
  /** Ends every open stream with UNAVAILABLE, which clients take as "go on somewhere else, or later". */
  endStreams(): void;
}

/** One binding as it is served. */
interface Served extends Pick<GrpcOptions, 'dispatch' | 'limits' | 'log'> {
  readonly wire: Wire;
  readonly binding: Binding;
  /** Ends of the open streams. */
  readonly streams: Set<() => void>;
  /** Called at the start of a call; what it returns is called with the status code at its end. */
  readonly measure: () => (code: number) => void;
}

const bytes = (value: Buffer): Buffer => value;

/** A grpc-js server with the wires' calls registered; bytes in, bytes out, everything between is the pipeline's. */
export function createGrpcServer({ wires, dispatch, limits, log, metrics }: GrpcOptions): GrpcServer {
  const maxBytes = new Map(
    wires.flatMap(({ bindings }) => bindings.map((one) => [one.path, messageBound(one, limits)])),
  );
  const interceptors = [boundMessages((path) => maxBytes.get(path) ?? SMALLEST)];
  const server = new Server({ ...grpcServerOptions(limits), interceptors });
  const measureOf = createMeasure(metrics);
  const streams = new Set<() => void>();
  for (const wire of wires) {
    for (const binding of wire.bindings) {
      register(server, { wire, binding, dispatch, limits, log, streams, measure: measureOf(binding.method) });
    }
    for (const [path, text] of Object.entries(wire.unimplemented)) registerUnimplemented(server, path, text);
  }
  return Object.assign(server, { endStreams: () => streams.forEach((end) => void end()) });
}

/** A call of a path that is not served carries nothing that matters. */
const SMALLEST = 1024;
/** Messages up to this multiple of what is allowed are read, to be refused with a sentence of ours. */
const READ_TO_REFUSE = 2;

/** Largest message to collect: an upload is one message at most, whatever comes in addition is small. */
function messageBound({ kind, maxBytes }: Binding, limits: GrpcOptions['limits']): number {
  return kind === 'client-stream' ? limits.upload : READ_TO_REFUSE * maxBytes;
}

function createMeasure(metrics: Metrics): (method: string) => Served['measure'] {
  let inFlight = 0;
  const step = (by: 1 | -1) => {
    inFlight += by;
    metrics.set('rpc_in_flight', {}, inFlight);
  };
  return (method) => () => {
    const begun = performance.now();
    step(1);
    return (code) => {
      step(-1);
      metrics.observe('rpc_duration_seconds', { method, code: grpc[code] ?? '' }, (performance.now() - begun) / 1000);
    };
  };
}

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Upload = ServerReadableStream<Buffer, Buffer>;
type Download = ServerWritableStream<Buffer, Buffer>;
type AnyCall = Unary | Upload | Download;
type Done = sendUnaryData<Buffer>;

function register(server: Server, served: Served): void {
  const { path, kind, maxBytes } = served.binding;
  if (kind === 'server-stream') {
    server.register(path, (call: Download) => void serveStream(call, served), bytes, bytes, 'serverStream');
  } else if (kind === 'client-stream') {
    const handle = (call: Upload, done: Done) => void serveUnary(call, done, served, () => readAll(call, maxBytes));
    server.register(path, handle, bytes, bytes, 'clientStream');
  } else {
    const handle = (call: Unary, done: Done) => void serveUnary(call, done, served, async () => [call.request]);
    server.register(path, handle, bytes, bytes, 'unary');
  }
}

/** grpc-js says so at the end of every call: an exception of its own for each, with its stack, would cost more than the rest of it. */
const ENDED = new AppError('CANCELLED', 'CALL_ENDED', 'The call has ended.');

type Read = () => Promise<readonly Buffer[]>;

async function serveUnary(call: Unary | Upload, done: Done, served: Served, read: Read): Promise<void> {
  const measured = served.measure();
  const { outcome, used, headers } = begin(call, served, read);
  let isDecided = false;
  try {
    const output = await outcome.result;
    isDecided = true;
    const answer = used().encode(output, headers) as Uint8Array;
    done(null, Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
    measured(grpc.OK);
  } catch (error) {
    if (isDecided) tellLate(served, outcome.requestId, error);
    const status = toStatus(error, outcome.requestId, served.wire.answers);
    done(status);
    measured(status.code);
  }
}

async function serveStream(call: Download, served: Served): Promise<void> {
  const measured = served.measure();
  const { outcome, used, headers, signal, abort } = begin(call, served, async () => [call.request]);
  const end = () => abort(stopping());
  served.streams.add(end);
  let isDecided = false;
  try {
    const output = await outcome.result;
    isDecided = true;
    for await (const message of used().encode(output, headers) as AsyncIterable<Uint8Array>) {
      if (signal.aborted) break;
      const more = call.write(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
      if (!more) await drained(call, signal);
    }
    if (isAppError(signal.reason)) throw signal.reason;
    call.end();
    measured(grpc.OK);
  } catch (error) {
    if (isDecided && !signal.aborted) tellLate(served, outcome.requestId, error);
    const cause = isAppError(signal.reason) ? signal.reason : error;
    const status = toStatus(cause, outcome.requestId, served.wire.answers);
    call.emit('error', status);
    measured(status.code);
  } finally {
    served.streams.delete(end);
  }
}

/** A log never ends in good order before its run does (design.md "Tokens"): this makes clients take it up again. */
function stopping(): AppError {
  return new AppError('UNAVAILABLE', 'SERVER_STOPPING', 'The server is being stopped or restarted.', {
    hint: 'Try again in a moment.',
  });
}

/** What fails once the pipeline has answered, such as a stream half-way, is logged here; until then the pipeline does it. */
function tellLate({ log, binding }: Served, requestId: string, error: unknown): void {
  const fields = { requestId, action: binding.method };
  if (!isAppError(error)) log.error({ ...fields, err: error }, 'an answer failed in a way nobody foresaw');
  else if (error.cause !== undefined) log.warn({ ...fields, reason: error.reason, cause: error.cause }, error.message);
}

/** Hands a call to the pipeline. `used()` is the binding that the request chose. */
function begin(call: AnyCall, { wire, binding, dispatch, limits }: Served, read: Read) {
  const headers = headersOf(call.metadata);
  const abort = new AbortController();
  (call as Unary).on('cancelled', () => abort.abort(ENDED));
  const request = (call as Unary).request as Buffer | undefined;
  let used = binding;
  const outcome = dispatch({
    method: chosen().method,
    peer: peerOf(call, headers),
    signal: abort.signal,
    credentials: () => {
      checkMetadata(headers, limits.metadata);
      return wire.credentials(headers);
    },
    input: async () => {
      checkMetadata(headers, limits.metadata);
      const messages = await read();
      checkSize(messages, binding.maxBytes);
      return decoded(() => used.decode(messages, headers));
    },
    accepted: (pair) => sendHeaders(call, wire, binding.kind, pair),
  });
  return { outcome, used: () => used, headers, signal: abort.signal, abort: (why: AppError) => abort.abort(why) };

  function chosen(): Binding {
    // Malformed bytes choose nothing; decoding them again inside the pipeline gives the error its place.
    try {
      used = (request && request.length <= binding.maxBytes ? binding.instead?.(request) : undefined) ?? binding;
    } catch {
      used = binding;
    }
    return used;
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if ((cause as AppError).name === 'AppError') throw cause;
    throw new AppError('INVALID_ARGUMENT', 'REQUEST_MALFORMED', 'The request could not be read.', { cause });
  }
}

/** Headers of a stream go out before any message: flwr waits for them before it reads (flower facts, section 2). Others share a packet with their answer. */
function sendHeaders(call: AnyCall, wire: Wire, kind: Binding['kind'], pair: TokenPair | undefined): void {
  const metadata = new Metadata();
  const renewed = pair ? wire.renewedHeaders?.(pair) : undefined;
  for (const [name, value] of Object.entries(renewed ?? {})) metadata.set(name, value);
  if (kind === 'server-stream' || renewed) call.sendMetadata(metadata);
}

function headersOf(metadata: Metadata): Headers & { bytes: number } {
  return { bytes: metadataBytes(metadata), get: (name) => metadata.get(name).map(String) };
}

function checkMetadata(headers: { readonly bytes: number }, limit: number): void {
  if (headers.bytes <= limit) return;
  throw new AppError('RESOURCE_EXHAUSTED', 'HEADERS_TOO_LARGE', 'The headers of this call are too large.');
}

function checkSize(messages: readonly Buffer[], limit: number): void {
  if (messages.reduce((sum, message) => sum + message.length, 0) <= limit) return;
  throw tooLarge(limit);
}

function tooLarge(limit: number): AppError {
  return new AppError('RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE', `A request of this kind has at most ${limit} bytes.`);
}

function peerOf(call: AnyCall, headers: Headers): Peer {
  // `address:port`, also for IPv6: the port tells nothing.
  const address = plainAddress(call.getPeer().replace(/:\d+$/, ''));
  return { address, userAgent: (headers.get('user-agent')[0] ?? '').slice(0, 200) };
}

/** All messages of a client stream; refused as soon as they are too many, so that nobody can fill the memory. */
async function readAll(call: ServerReadableStream<Buffer, Buffer>, limit: number): Promise<readonly Buffer[]> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of call) {
    size += part.length;
    if (size > limit) throw tooLarge(limit);
    parts.push(part);
  }
  // A client that hangs up half-way ends the loop as one that is done does: the announced size tells them apart.
  return parts;
}

function drained(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function registerUnimplemented(server: Server, path: string, text: string): void {
  const handle = (_call: unknown, done: sendUnaryData<Buffer>) =>
    done(toStatus(new AppError('UNIMPLEMENTED', 'NOT_SERVED', text), '', {}));
  server.register(path, handle, bytes, bytes, 'unary');
}
