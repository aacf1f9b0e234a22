import {
  Metadata,
  Server,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { AppError } from '../../core/errors.ts';
import type { Peer, TokenPair } from '../../core/services.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Dispatch } from '../rpc/pipeline.ts';
import type { Binding, Headers, Wire } from '../rpc/wire/binding.ts';
import { grpcServerOptions, metadataBytes } from './limits.ts';
import { toStatus } from './status.ts';

/** What a finished call tells the metrics. */
export type OnCall = (call: { path: string; code: number; seconds: number }) => void;

export interface GrpcOptions {
  readonly wires: readonly Wire[];
  readonly dispatch: Dispatch;
  readonly limits: ServerConfig['limits'];
  readonly onCall?: OnCall;
}

type AnyCall =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerReadableStream<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>;

const bytes = (value: Buffer): Buffer => value;
/** A grpc-js server with the wires' calls registered; bytes in, bytes out, everything between is the pipeline's. */
export function createGrpcServer(options: GrpcOptions): Server {
  const server = new Server(grpcServerOptions(options.limits));
  for (const wire of options.wires) {
    for (const binding of wire.bindings) register(server, wire, binding, options);
    for (const [path, text] of Object.entries(wire.unimplemented)) registerUnimplemented(server, path, text);
  }
  return server;
}

function register(server: Server, wire: Wire, binding: Binding, options: GrpcOptions): void {
  if (binding.kind === 'server-stream') {
    const handle = (call: ServerWritableStream<Buffer, Buffer>) => void serveStream(call, wire, binding, options);
    server.register(binding.path, handle, bytes, bytes, 'serverStream');
  } else if (binding.kind === 'client-stream') {
    const handle = (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
      void serveUnary(call, done, wire, binding, options, () => readAll(call, binding.maxBytes));
    server.register(binding.path, handle, bytes, bytes, 'clientStream');
  } else {
    const handle = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
      void serveUnary(call, done, wire, binding, options, async () => [call.request]);
    server.register(binding.path, handle, bytes, bytes, 'unary');
  }
}

async function serveUnary(
  call: ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer>,
  done: sendUnaryData<Buffer>,
  wire: Wire,
  binding: Binding,
  options: GrpcOptions,
  read: () => Promise<readonly Buffer[]>,
): Promise<void> {
  const begun = performance.now();
  const { outcome, used, headers } = begin(call, wire, binding, options, read);
  try {
    const output = await outcome.result;
    const answer = used().encode(output, headers) as Uint8Array;
    // A large answer on a reader that has gone is dropped by the library.
    done(null, Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
    options.onCall?.({ path: binding.path, code: 0, seconds: (performance.now() - begun) / 1000 });
  } catch (error) {
    const status = toStatus(error, outcome.requestId, wire.texts);
    done(status);
    options.onCall?.({ path: binding.path, code: status.code, seconds: (performance.now() - begun) / 1000 });
  }
}

async function serveStream(
  call: ServerWritableStream<Buffer, Buffer>,
  wire: Wire,
  binding: Binding,
  options: GrpcOptions,
): Promise<void> {
  const begun = performance.now();
  const { outcome, used, headers, signal } = begin(call, wire, binding, options, async () => [call.request]);
  let code = 0;
  try {
    const output = await outcome.result;
    for await (const message of used().encode(output, headers) as AsyncIterable<Uint8Array>) {
      if (signal.aborted) break;
      const more = call.write(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
      if (!more) await drained(call, signal);
    }
    call.end();
  } catch (error) {
    const status = toStatus(error, outcome.requestId, wire.texts);
    code = status.code;
    call.emit('error', status);
  }
  options.onCall?.({ path: binding.path, code, seconds: (performance.now() - begun) / 1000 });
}

/** Hands a call to the pipeline. `used()` is the binding that the request chose. */
function begin(
  call: AnyCall,
  wire: Wire,
  binding: Binding,
  options: GrpcOptions,
  read: () => Promise<readonly Buffer[]>,
) {
  const headers = headersOf(call.metadata);
  const abort = new AbortController();
  (call as ServerUnaryCall<Buffer, Buffer>).on('cancelled', () => abort.abort());
  const request = (call as ServerUnaryCall<Buffer, Buffer>).request as Buffer | undefined;
  let used = binding;
  const outcome = options.dispatch({
    method: chosen().method,
    peer: peerOf(call, headers),
    signal: abort.signal,
    credentials: () => {
      checkMetadata(headers, options.limits.metadata);
      return wire.credentials(headers);
    },
    input: async () => {
      checkMetadata(headers, options.limits.metadata);
      const messages = await read();
      checkSize(messages, binding.maxBytes);
      return decoded(() => used.decode(messages, headers));
    },
    accepted: (pair) => sendHeaders(call, wire, pair),
  });
  return { outcome, used: () => used, headers, signal: abort.signal };

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

/** Headers go out before any message: flwr waits for them before it reads (flower facts, section 2). */
function sendHeaders(call: AnyCall, wire: Wire, pair: TokenPair | undefined): void {
  const metadata = new Metadata();
  const renewed = pair ? wire.renewedHeaders?.(pair) : undefined;
  for (const [name, value] of Object.entries(renewed ?? {})) metadata.set(name, value);
  const streaming = !('request' in call) || 'write' in call;
  if (streaming || renewed) call.sendMetadata(metadata);
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
  // `address:port`, IPv6 in brackets: the port tells nothing.
  const address = call
    .getPeer()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
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
