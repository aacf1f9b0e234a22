import { AppError, type ErrorCode, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Peer, TokenPair } from '../../core/services.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Dispatch } from '../rpc/pipeline.ts';
import type { Binding, Headers, PublicError, Wire } from '../rpc/wire/binding.ts';
import { publicError } from './public-error.ts';

export interface CallsOptions {
  readonly dispatch: Dispatch;
  readonly limits: ServerConfig['limits'];
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** A call as its transport received it. */
export interface Arrived {
  readonly wire: Wire;
  readonly binding: Binding;
  /** `bytes`: size of all of them, as HTTP/2 counts it. */
  readonly headers: Headers & { readonly bytes: number };
  readonly peer: Peer;
  /** The whole request where it is at hand already: it may choose another binding. */
  readonly request: Uint8Array | undefined;
  /** The messages of the request; asked for once the caller is known. */
  read(): Promise<readonly Uint8Array[]>;
  /** The caller is known; a pair renewed on the way goes back with the headers. */
  accepted(pair: TokenPair | undefined): void;
  /** Tells what to call when the client has gone away. */
  onGone(gone: () => void): void;
  /** Answers with an error, or cuts a stream half-way; returns the code that it sent. */
  fail(error: PublicError, requestId: string): ErrorCode;
}

export interface ArrivedUnary extends Arrived {
  send(message: Uint8Array): void;
}

export interface ArrivedStream extends Arrived {
  /** Called before the first message, at once, but after what fails at once. Absent where an error can follow the headers. */
  open?(): void;
  /** Resolves when more may be written, or when `signal` says that there is no sense in it. */
  write(message: Uint8Array, signal: AbortSignal): Promise<void> | undefined;
  end(): void;
}

/** The way of calls from any transport to the pipeline and back: bytes in, bytes out. */
export interface Calls {
  answer(call: ArrivedUnary): Promise<void>;
  answerStream(call: ArrivedStream): Promise<void>;
  /** Ends every open stream with UNAVAILABLE, which clients take as "go on somewhere else, or later". */
  endStreams(): void;
}

export function createCalls({ dispatch, limits, log, metrics }: CallsOptions): Calls {
  const measureOf = createMeasure(metrics);
  const streams = new Set<() => void>();

  return {
    async answer(call) {
      const measured = measureOf(call.binding.method);
      const { outcome, used } = begin(call);
      let isDecided = false;
      try {
        const output = await outcome.result;
        isDecided = true;
        call.send(used.encode(output, call.headers) as Uint8Array);
        measured('OK');
      } catch (error) {
        if (isDecided) tellLate(call, outcome.requestId, error);
        const excuse =
          !isDecided && isAppError(error)
            ? { code: error.code, message: used.excuse?.(error, call.headers) }
            : undefined;
        if (excuse?.message) call.send(excuse.message);
        measured(excuse?.message ? excuse.code : call.fail(publicError(error, outcome.requestId), outcome.requestId));
      }
    },

    async answerStream(call) {
      const measured = measureOf(call.binding.method);
      const { outcome, used, signal, abort } = begin(call);
      const end = () => abort(stopping());
      streams.add(end);
      let isDecided = false;
      try {
        const output = await outcome.result;
        isDecided = true;
        const messages = used.encode(output, call.headers) as AsyncIterable<Uint8Array>;
        for await (const message of call.open ? opened(messages, () => call.open?.()) : messages) {
          if (signal.aborted) break;
          await call.write(message, signal);
        }
        if (isAppError(signal.reason)) throw signal.reason;
        call.end();
        measured('OK');
      } catch (error) {
        if (isDecided && !signal.aborted) tellLate(call, outcome.requestId, error);
        const cause = isAppError(signal.reason) ? signal.reason : error;
        measured(call.fail(publicError(cause, outcome.requestId), outcome.requestId));
      } finally {
        streams.delete(end);
      }
    },

    endStreams: () => streams.forEach((end) => void end()),
  };

  /** Hands a call to the pipeline. `used` is the binding that the request chose. */
  function begin(call: Arrived) {
    const { wire, binding, headers } = call;
    const abort = new AbortController();
    call.onGone(() => abort.abort(ENDED));
    const used = chosen(binding, call.request);
    const outcome = dispatch({
      method: used.method,
      peer: call.peer,
      signal: abort.signal,
      credentials: () => {
        checkHeaders(headers, limits.metadata);
        return wire.credentials(headers);
      },
      input: async () => {
        checkHeaders(headers, limits.metadata);
        const messages = await call.read();
        checkSize(messages, binding.maxBytes);
        return decoded(() => used.decode(messages, headers));
      },
      accepted: (pair) => call.accepted(pair),
    });
    return { outcome, used, signal: abort.signal, abort: (why: AppError) => abort.abort(why) };
  }

  /** What fails once the pipeline has answered, such as a stream half-way, is logged here; until then the pipeline does it. */
  function tellLate({ binding }: Arrived, requestId: string, error: unknown): void {
    const fields = { requestId, action: binding.method };
    if (!isAppError(error)) log.error({ ...fields, err: error }, 'an answer failed in a way nobody foresaw');
    else if (error.cause !== undefined)
      log.warn({ ...fields, reason: error.reason, cause: error.cause }, error.message);
  }
}

/** Transports say so at the end of every call: an exception of its own for each, with its stack, would cost more than the rest of it. */
const ENDED = new AppError('CANCELLED', 'CALL_ENDED', 'The call has ended.');

/** A log never ends in good order before its run does (design.md "Tokens"): this makes clients take it up again. */
function stopping(): AppError {
  return new AppError('UNAVAILABLE', 'SERVER_STOPPING', 'The server is being stopped or restarted.', {
    hint: 'Try again in a moment.',
  });
}

function createMeasure(metrics: Metrics): (method: string) => (code: string) => void {
  let inFlight = 0;
  const step = (by: 1 | -1) => {
    inFlight += by;
    metrics.set('rpc_in_flight', {}, inFlight);
  };
  return (method) => {
    const begun = performance.now();
    step(1);
    return (code) => {
      step(-1);
      metrics.observe('rpc_duration_seconds', { method, code }, (performance.now() - begun) / 1000);
    };
  };
}

/** Malformed bytes choose nothing; decoding them again inside the pipeline gives the error its place. */
function chosen(binding: Binding, request: Uint8Array | undefined): Binding {
  try {
    return (request && request.length <= binding.maxBytes ? binding.instead?.(request) : undefined) ?? binding;
  } catch {
    return binding;
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError('INVALID_ARGUMENT', 'REQUEST_MALFORMED', 'The request could not be read.', { cause });
  }
}

function checkHeaders(headers: { readonly bytes: number }, limit: number): void {
  if (headers.bytes <= limit) return;
  throw new AppError('RESOURCE_EXHAUSTED', 'HEADERS_TOO_LARGE', 'The headers of this call are too large.');
}

function checkSize(messages: readonly Uint8Array[], limit: number): void {
  if (messages.reduce((sum, message) => sum + message.length, 0) <= limit) return;
  throw tooLarge(limit);
}

export function tooLarge(limit: number): AppError {
  return new AppError('RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE', `A request of this kind has at most ${limit} bytes.`);
}

/** The messages, with `open` called before the first: as soon as the source had a moment to refuse. */
async function* opened(messages: AsyncIterable<Uint8Array>, open: () => void): AsyncGenerator<Uint8Array> {
  const source = messages[Symbol.asyncIterator]();
  try {
    const first = source.next();
    await Promise.race([first, new Promise((resolve) => setImmediate(resolve))]);
    open();
    for (let item = await first; !item.done; item = await source.next()) yield item.value;
  } finally {
    await source.return?.();
  }
}
