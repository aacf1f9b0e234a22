import { AppError } from '../../core/errors.ts';
import type { LogChunk, Run } from '../../core/runs.ts';
import type { LogPiece } from '../../core/services.ts';
import { characterStart } from './log-text.ts';
import type { RunParts } from './parts.ts';

/** Largest piece given to a reader, in bytes; the reader's pull is the only buffer (security.md T-30). */
const MAX_PIECE = 64 * 1024;

/**
 * A run's stored log from byte `offset` on. With `follow` it ends only when the log is whole; without, at what is stored.
 * @throws INVALID_ARGUMENT LOG_OFFSET_INVALID beyond the end of a whole log, CANCELLED, store errors
 */
export async function* readLog(
  parts: Pick<RunParts, 'stores' | 'signals' | 'settings'>,
  run: Run,
  start: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<LogPiece> {
  const { stores, signals, settings } = parts;
  let offset = start;
  // A piece's timestamp is where a reader may resume without losing anything: inside a chunk that is the chunk before.
  let timestamp = 0;
  for (;;) {
    if (signal.aborted) throw cancelled();
    // The position first: what is written after this look is seen by the next one.
    const position = await stores.logs.logPosition(run.key);
    if (position.drained && offset > position.size) throw beyondEnd(position.size);
    const chunks = offset < position.size ? await stores.logs.readLog(run.key, offset, MAX_PIECE) : [];
    for (const chunk of chunks) {
      for (const piece of pieces(chunk, offset, timestamp)) {
        if (signal.aborted) throw cancelled();
        yield piece;
        offset = piece.nextOffset;
        timestamp = piece.engineTimestamp;
      }
    }
    if (chunks.length > 0) continue;
    if (!follow || position.drained) return;
    await signals.wait(run.key, settings.readEveryMs, signal);
  }
}

/** The part of a chunk from `offset` on, in pieces of whole characters. */
function* pieces(chunk: LogChunk, offset: number, before: number): Generator<LogPiece> {
  const bytes = Buffer.from(chunk.text);
  let at = characterStart(bytes, Math.max(0, offset - chunk.offset));
  while (at < bytes.length) {
    const end = characterStart(bytes, at + MAX_PIECE);
    const isLast = end === bytes.length;
    const engineTimestamp = isLast ? chunk.engineTimestamp : before;
    yield { text: bytes.subarray(at, end).toString('utf8'), nextOffset: chunk.offset + end, engineTimestamp };
    at = end;
  }
}

function cancelled(): AppError {
  return new AppError('CANCELLED', 'CANCELLED', 'The log stream was cancelled.');
}

function beyondEnd(size: number): AppError {
  return new AppError('INVALID_ARGUMENT', 'LOG_OFFSET_INVALID', `The log ends at byte ${size}.`, {
    hint: 'Start again from offset 0.',
  });
}
