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
import type { Binding, Headers, Wire, WireAnswers } from '../rpc/wire/binding.ts';
import { type Arrived, type Calls, tooLarge } from './calls.ts';
import { type ClientAddress, peerAddress } from './client-address.ts';
import { drained } from './drained.ts';
import { grpcServerOptions, metadataBytes } from './limits.ts';
import { boundMessages } from './message-limits.ts';
import { publicError } from './public-error.ts';
import { toStatus } from './status.ts';

export interface GrpcOptions {
  readonly wires: readonly Wire[];
  readonly calls: Calls;
  readonly limits: ServerConfig['limits'];
  /** Default: the peer of the connection. */
  readonly clientAddress?: ClientAddress;
}

export interface GrpcServer extends Server {
  /** Ends every open stream with UNAVAILABLE, which clients take as "go on somewhere else, or later". */
  endStreams(): void;
}

/** One binding as it is served. */
interface Served {
  readonly wire: Wire;
  readonly binding: Binding;
  readonly calls: Calls;
  readonly clientAddress: ClientAddress;
}

const bytes = (value: Buffer): Buffer => value;

/** A grpc-js server with the wires' calls registered; bytes in, bytes out, everything between is the pipeline's. */
export function createGrpcServer({ wires, calls, limits, clientAddress = peerAddress }: GrpcOptions): GrpcServer {
  const maxBytes = new Map(
    wires.flatMap(({ bindings }) => bindings.map((one) => [one.path, messageBound(one, limits)])),
  );
  const interceptors = [boundMessages((path) => maxBytes.get(path) ?? SMALLEST)];
  const server = new Server({ ...grpcServerOptions(limits), interceptors });
  for (const wire of wires) {
    for (const binding of wire.bindings) register(server, { wire, binding, calls, clientAddress });
    for (const [path, text] of Object.entries(wire.unimplemented)) registerUnimplemented(server, wire, path, text);
  }
  return Object.assign(server, { endStreams: () => calls.endStreams() });
}

/** A call of a path that is not served carries nothing that matters. */
const SMALLEST = 1024;
/** Messages up to this multiple of what is allowed are read, to be refused with a sentence of ours. */
const READ_TO_REFUSE = 2;

/** Largest message to collect: an upload is one message at most, whatever comes in addition is small. */
function messageBound({ kind, maxBytes }: Binding, limits: GrpcOptions['limits']): number {
  return kind === 'client-stream' ? limits.upload : READ_TO_REFUSE * maxBytes;
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

type Read = () => Promise<readonly Buffer[]>;

function answersOf(wire: Wire, call: AnyCall): WireAnswers {
  return wire.answersFor?.(headersOf(call.metadata)) ?? wire.answers;
}

function serveUnary(call: Unary | Upload, done: Done, served: Served, read: Read): Promise<void> {
  const { wire, calls } = served;
  return calls.answer({
    ...arrived(call, served, read),
    send: (message) => done(null, bufferOf(message)),
    fail(error, requestId) {
      const status = toStatus(error, requestId, answersOf(wire, call));
      done(status);
      return status.name;
    },
  });
}

function serveStream(call: Download, served: Served): Promise<void> {
  const { wire, calls } = served;
  return calls.answerStream({
    ...arrived(call, served, async () => [call.request]),
    write: (message, signal) => (call.write(bufferOf(message)) ? undefined : drained(call, signal)),
    end: () => call.end(),
    fail(error, requestId) {
      const status = toStatus(error, requestId, answersOf(wire, call));
      call.emit('error', status);
      return status.name;
    },
  });
}

function arrived(call: AnyCall, { wire, binding, clientAddress }: Served, read: Read): Omit<Arrived, 'fail'> {
  const headers = headersOf(call.metadata);
  return {
    wire,
    binding,
    headers,
    peer: peerOf(call, headers, clientAddress),
    request: (call as Unary).request as Buffer | undefined,
    read,
    accepted: (pair) => sendHeaders(call, wire, binding.kind, pair),
    onGone: (gone) => (call as Unary).on('cancelled', gone),
  };
}

function bufferOf(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
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

function peerOf(call: AnyCall, headers: Headers, clientAddress: ClientAddress): Peer {
  // `address:port`, also for IPv6: the port tells nothing.
  const address = clientAddress(call.getPeer().replace(/:\d+$/, ''), headers.get('x-forwarded-for'));
  return { address, userAgent: (headers.get('user-agent')[0] ?? '').slice(0, 200) };
}

/** Of a client stream: an upload of fedctl has 200 at most, and an empty one takes memory, too. */
const MAX_MESSAGES = 10_000;

/** All messages of a client stream; refused as soon as they are too many, so that nobody can fill the memory. */
async function readAll(call: ServerReadableStream<Buffer, Buffer>, limit: number): Promise<readonly Buffer[]> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of call) {
    size += part.length;
    if (size > limit || parts.length >= MAX_MESSAGES) throw tooLarge(limit);
    parts.push(part);
  }
  // A client that hangs up half-way ends the loop as one that is done does: the announced size tells them apart.
  return parts;
}

function registerUnimplemented(server: Server, wire: Wire, path: string, text: string): void {
  const error = publicError(new AppError('UNIMPLEMENTED', 'NOT_SERVED', text), '');
  const handle = (_call: Unary, done: Done) => done(toStatus(error, '', wire.answers));
  server.register(path, handle, bytes, bytes, 'unary');
}
