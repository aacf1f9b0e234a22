import { AppError } from '../../core/errors.ts';
import { isFlowerFailure } from '../../flower/failure.ts';
import { rpcs } from '../../flower/rpcs.ts';
import type { Run } from '../../gen/fedctl/v1/runs.ts';
import { newPatience, type Patience } from '../patience.ts';
import type { RemoteLog, RemoteLogRequest } from '../remote.ts';
import { isOver } from './run-facts.ts';
import { aboutRun, type SuperlinkSession } from './session.ts';

/** A SuperLink that has a log sends it at once; one that has none yet says nothing. */
const SHOW_MS = 5_000;

export interface SuperlinkLogOptions {
  readonly session: SuperlinkSession;
  /** One run as it stands. @throws NOT_FOUND RUN_NOT_FOUND */
  readonly findRun: (runId: bigint) => Promise<Run>;
  readonly patienceMs?: number;
}

interface Position {
  /** Seconds since the epoch of the last line shown, by the SuperLink's clock. */
  after: number;
  readonly patience: Patience;
}

/** A run's log, each line once and in order. @throws AppError */
export async function* readSuperlinkLog(
  options: SuperlinkLogOptions,
  request: RemoteLogRequest,
): AsyncGenerator<RemoteLog> {
  const { session, findRun } = options;
  const first = await findRun(request.runId);
  const patience = newPatience(options.patienceMs);
  patience.reached();
  const position: Position = { after: 0, patience };
  if (!request.follow) return yield* shownLog(session, request, first, position);
  for (;;) {
    try {
      yield* oneStream(session, request, request.signal, position);
      // A SuperLink that shuts down ends its streams as if they were whole.
      const run = await findRun(request.runId);
      if (isOver(run)) return yield { text: '', finished: run };
      throw new AppError('UNAVAILABLE', 'STREAM_ENDED', 'The SuperLink ended the stream before the run had finished.');
    } catch (error) {
      if (request.signal.aborted) return;
      if (!isFlowerFailure(error) || error.kind !== 'unreachable') patience.stood();
      const failure = await explain(session, request, error);
      if (!patience.allows(failure)) throw failure;
      request.onLost(failure);
      await patience.pause(failure, request.signal);
    }
  }
}

/** What there is: it comes as one message, where there is any. */
async function* shownLog(
  session: SuperlinkSession,
  request: RemoteLogRequest,
  run: Run,
  position: Position,
): AsyncGenerator<RemoteLog> {
  const enough = AbortSignal.timeout(SHOW_MS);
  try {
    for await (const piece of oneStream(session, request, AbortSignal.any([request.signal, enough]), position)) {
      yield piece;
      break;
    }
  } catch (error) {
    if (!enough.aborted && !request.signal.aborted) throw await explain(session, request, error);
  }
  if (isOver(run)) yield { text: '', finished: run };
}

async function* oneStream(
  session: SuperlinkSession,
  { runId }: RemoteLogRequest,
  signal: AbortSignal,
  position: Position,
): AsyncGenerator<RemoteLog> {
  // As flwr does: what follows is later by more than 1 µs (flower/facts section 6), and pieces are further apart than that.
  for await (const message of session.stream(rpcs.streamLogs, { runId, afterTimestamp: position.after }, signal)) {
    position.patience.progressed();
    if (message.latestTimestamp > position.after) position.after = message.latestTimestamp;
    if (message.logOutput !== '') yield { text: message.logOutput, finished: undefined };
  }
}

async function explain(session: SuperlinkSession, { runId }: RemoteLogRequest, error: unknown): Promise<AppError> {
  return aboutRun(runId, await session.explain(error));
}
