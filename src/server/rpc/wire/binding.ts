import type { AppError, ErrorCode } from '../../../core/errors.ts';
import type { Credentials } from '../call.ts';
import type { Input, MethodName, Output } from '../methods.ts';

/** Headers of a call, as both gRPC metadata and HTTP have them: lower-case names, possibly several values. */
export interface Headers {
  get(name: string): readonly string[];
}

/**
 * One remote procedure of one wire: which method it is, and how its bytes translate. Everything else is the pipeline's.
 * A Flower generation, or our own API, is a table of these.
 */
export interface Binding<M extends MethodName = MethodName> {
  /** gRPC path, "/package.Service/Method". */
  readonly path: string;
  readonly kind: 'unary' | 'client-stream' | 'server-stream';
  readonly method: M;
  /** Another binding to use where the request says so: one call of a wire that is two methods of ours. */
  instead?(message: Uint8Array): Binding | undefined;
  /** Largest request in bytes; the sum of the parts of a client stream. */
  readonly maxBytes: number;
  /** Request messages to input; one message unless `client-stream`. Throws anything on malformed bytes. */
  decode(messages: readonly Uint8Array[], headers: Headers): Input<M>;
  /** Result to response messages; many for `server-stream`. */
  encode(output: Output<M>, headers: Headers): Uint8Array | AsyncIterable<Uint8Array>;
  /** A response message in place of a refusal, for clients that print nothing readable for a status. Unary calls only. */
  excuse?(error: AppError, headers: Headers): Uint8Array | undefined;
}

/** By error reason; a code of that name stands for all reasons that have no entry of their own. */
export type WireAnswers = Readonly<Record<string, { readonly code?: ErrorCode; readonly text?: string }>>;

/** What a client may read of an error. */
export interface PublicError {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/** How a wire looks over HTTP; all its answers have status 200, or are refusals. */
export interface HttpForm {
  /** Every path below it is this wire's, served or not. */
  readonly prefix: string;
  /** Of requests and of unary answers. */
  readonly mediaType: string;
  readonly streamMediaType: string;
  /** A message of a stream as it goes over the connection. */
  frame(message: Uint8Array): Uint8Array;
  refuse(error: PublicError): HttpRefusal;
}

export interface HttpRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: object;
  /** Its gRPC name, for the metrics. */
  readonly code: ErrorCode;
}

/** A wire: its bindings, where it carries credentials, and the texts that its clients compare literally. */
export interface Wire {
  readonly name: string;
  /** Served over HTTP; absent: over gRPC. Paths of bindings are then paths of URLs. */
  readonly http?: HttpForm;
  readonly bindings: readonly Binding[];
  /** @throws UNAUTHENTICATED CREDENTIALS_AMBIGUOUS (security.md AT-15) */
  credentials(headers: Headers): Credentials;
  /** Headers that hand a renewed pair back; undefined where this wire has its own call for that. */
  renewedHeaders?(pair: { accessToken: string; refreshToken: string }): Readonly<Record<string, string>>;
  /** By error reason: the code and text to send where the clients of this wire expect another code or compare the text literally. */
  readonly answers: WireAnswers;
  /** The same for one call, where releases that tell themselves apart expect different ones. */
  answersFor?(headers: Headers): WireAnswers;
  /** Paths that exist on this wire and that we do not serve, with the sentence that says so. */
  readonly unimplemented: Readonly<Record<string, string>>;
}

/** Keeps a binding's types together, then forgets its method: tables hold bindings of many methods. */
export function bind<M extends MethodName>(binding: Binding<M>): Binding {
  return binding as unknown as Binding;
}

export const KiB = 1024;
export const MiB = 1024 * KiB;
