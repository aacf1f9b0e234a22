import { AppError, isAppError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import type { Run, StreamLogsResponse } from '../gen/fedctl/v1/runs.ts';
import type { Client } from './channel.ts';
import { isServiceError } from './errors.ts';
import { explainFailure } from './failures.ts';
import { isPassing, newPatience, type Patience } from './patience.ts';
import { isExpired, type Session } from './session.ts';
import { bearer } from './unary.ts';

/** A piece of a run's log, or its end. */
export type LogEvent =
  | { readonly kind: 'text'; readonly text: string }
  /** The connection was lost; the next piece follows on the last one. */
  | { readonly kind: 'reconnecting'; readonly error: AppError }
  | { readonly kind: 'finished'; readonly run: Run };

export interface LogRequest {
  readonly client: Client;
  readonly session: Session;
  readonly runId: RunId;
  /** Go on until the run has finished; else end at what is stored now. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Give up after this time without any answer, in milliseconds. */
  readonly patienceMs?: number;
}

interface Position {
  offset: bigint;
  readonly patience: Patience;
}

/**
 * A run's log from its first byte, each byte once and in order: lost connections are taken up again at the offset reached.
 * Ends by itself when the run has finished (with `follow`) or at the end of what is stored.
 * @throws what the server says that time can't heal (not found, not permitted, logged out), or the last failure once patience is over.
 */
export async function* readLog(request: LogRequest): AsyncGenerator<LogEvent> {
  const patience = newPatience(request.patienceMs);
  const position: Position = { offset: 0n, patience };
  let token = await request.session.token();
  for (;;) {
    try {
      const finished = yield* oneStream(request, token, position);
      if (finished || !request.follow) return;
      // A clean end before the run's end: the server has drained this connection.
      throw new AppError('UNAVAILABLE', 'STREAM_ENDED', 'The server ended the stream before the run had finished.');
    } catch (error) {
      if (request.signal.aborted) return;
      const failure = await failureOf(error, request.client);
      if (isExpired(failure)) {
        token = await request.session.renewed(token);
        continue;
      }
      if (!patience.allows(failure)) throw failure;
      yield { kind: 'reconnecting', error: failure };
      await patience.pause(failure, request.signal);
      token = await currentToken(request, token);
    }
  }
}

/** Reads one stream to its end; true once the run has finished. */
async function* oneStream(request: LogRequest, token: string, position: Position): AsyncGenerator<LogEvent, boolean> {
  const { client, runId, follow, signal } = request;
  const { patience } = position;
  const stream = client.runs.streamLogs({ runId, offset: position.offset, follow }, bearer(token));
  const cancel = () => stream.cancel();
  let stood = false;
  stream.once('metadata', () => {
    stood = true;
    patience.reached();
  });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for await (const message of stream as AsyncIterable<StreamLogsResponse>) {
      patience.progressed();
      if (message.nextOffset > position.offset) position.offset = message.nextOffset;
      if (message.text !== '') yield { kind: 'text', text: message.text };
      if (message.finished !== undefined) {
        yield { kind: 'finished', run: message.finished };
        return true;
      }
    }
    return false;
  } finally {
    if (stood) patience.stood();
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

/** Renewal may fail while the server is away; the old token is good for another try. */
async function currentToken(request: LogRequest, token: string): Promise<string> {
  try {
    return await request.session.token();
  } catch (error) {
    if (isAppError(error) && isPassing(error)) return token;
    throw error;
  }
}

async function failureOf(error: unknown, client: Client): Promise<AppError> {
  if (isAppError(error)) return error;
  if (isServiceError(error)) return await explainFailure(error, client.endpoint);
  throw error;
}
