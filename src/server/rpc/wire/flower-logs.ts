import { setTimeout as sleep } from 'node:timers/promises';
import type { LogMessage } from '../methods.ts';

/** What one Flower log message holds. */
export interface FlowerLog {
  readonly text: string;
  /** Engine timestamp to resume after, without gap or repetition. */
  readonly timestamp: number;
}

/** `flwr log --show` prints the first message and nothing else: so that one holds all that is stored, up to this size. */
const FIRST_BYTES = 8 * 1024 * 1024;
/** Stored text comes without waiting; a pause as long as this means that the rest is yet to be written (ms). */
const PAUSE_MS = 150;

/**
 * Our pieces as Flower's clients resume them: by engine timestamp alone. Pieces of one engine message carry the
 * timestamp before it until the last of them, so text is held back until the timestamp moves on.
 * The outcome message has no place on this wire: the clean end says it.
 */
export async function* flowerLogs(messages: AsyncIterable<LogMessage>): AsyncGenerator<FlowerLog> {
  const source = messages[Symbol.asyncIterator]();
  let held = '';
  let timestamp = 0;
  // Of what was sent: flwr resumes after the last timestamp that it got, whatever came with it.
  let sent = 0;
  let isFirst = true;
  let pending = source.next();
  try {
    for (;;) {
      if (isFirst && held !== '' && timestamp > 0 && (await isQuiet(pending))) {
        yield { text: held, timestamp };
        sent = timestamp;
        held = '';
        isFirst = false;
      }
      const { value, done } = await pending;
      if (done) break;
      if (value.isPulse) {
        // The run is silent: printed, this is nothing.
        yield { text: '', timestamp: sent };
        pending = source.next();
        continue;
      }
      const moved = value.engineTimestamp > timestamp;
      held += value.text;
      timestamp = Math.max(timestamp, value.engineTimestamp);
      if (moved && (!isFirst || held.length > FIRST_BYTES)) {
        yield { text: held, timestamp };
        sent = timestamp;
        held = '';
        isFirst = false;
      }
      pending = source.next();
    }
    if (held !== '') yield { text: held, timestamp };
  } finally {
    // A pull under way is answered or fails with the stream; nobody is left to hear it.
    pending.catch(() => undefined);
    await source.return?.();
  }
}

/** True when `pending` takes its time. */
async function isQuiet(pending: Promise<unknown>): Promise<boolean> {
  const cancel = new AbortController();
  const late = sleep(PAUSE_MS, true, { signal: cancel.signal }).catch(() => true);
  const first = await Promise.race([
    pending.then(
      () => false,
      () => false,
    ),
    late,
  ]);
  cancel.abort();
  return first;
}
