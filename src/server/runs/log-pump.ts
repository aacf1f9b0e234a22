import { isAppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { isFinal, type LogPosition, type Run } from '../../core/runs.ts';
import { cutText } from './log-text.ts';
import type { RunParts } from './parts.ts';

/** Milliseconds between attempts to reach the engine: doubled up to the larger one. */
const BACKOFF = { from: 250, to: 5_000 } as const;
/** A finished run whose log can't be read so many times in a row, for other reasons than an engine that is away, is closed with a marker. */
const UNREADABLE_AFTER = 5;

export interface LogPumpParts extends RunParts {
  /** The run as the engine has it now. @throws when the engine can't be asked */
  readonly refresh: (run: Run) => Promise<Run>;
}

/** Brings logs from the engines into the store: one upstream stream per run, whatever the number of readers. */
export interface LogPump {
  /** Reads the run's log until it is whole; a second call for the same run changes nothing. */
  follow(run: Run): void;
  stop(): Promise<void>;
}

/** What one upstream stream came to. */
type Outcome = 'grew' | 'quiet' | 'raced' | 'cut';

export function createLogPump(parts: LogPumpParts): LogPump {
  const { stores, settings, signals } = parts;
  const running = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  function follow(run: Run): void {
    const { id } = run;
    if (id === undefined || running.has(run.key) || stopping.signal.aborted) return;
    const done = pump(run, id)
      .catch((error: unknown) =>
        parts.log.error({ run: String(id), err: error }, 'log reader ended; the reconciler starts it again'),
      )
      .finally(() => running.delete(run.key));
    running.set(run.key, done);
  }

  async function pump(run: Run, id: RunId): Promise<void> {
    let failures = 0;
    let unreadable = 0;
    while (!stopping.signal.aborted) {
      const position = await stores.logs.logPosition(run.key);
      if (position.drained) return;
      try {
        if (await readRest(run, id, position)) return;
        failures = 0;
        unreadable = 0;
      } catch (error) {
        if (stopping.signal.aborted) return;
        unreadable = isAppError(error) && error.code === 'INTERNAL' ? unreadable + 1 : 0;
        parts.log.debug({ run: String(id), err: error }, 'log stream broken');
        if (await closeBroken(run, error, unreadable)) return;
        await pause(Math.min(BACKOFF.to, BACKOFF.from * 2 ** failures));
        failures = Math.min(failures + 1, 10);
      }
    }
  }

  /** One stream and, once the run has finished, the judgement whether that was all. True when the log is whole. */
  async function readRest(run: Run, id: RunId, position: LogPosition): Promise<boolean> {
    const outcome = position.cut ? 'cut' : await readStream(run, id, position);
    if (outcome === 'raced') return await yieldTo(run, position);
    const now = await parts.refresh(run);
    if (!isFinal(now.status)) {
      // The stream ended early (an engine going down does that) or was cut: status changes wake us.
      await signals.wait(run.key, settings.readEveryMs, stopping.signal);
      return false;
    }
    if (outcome === 'grew') return false;
    if (outcome === 'quiet' && (await grewWhileSettling(run, id))) return false;
    return await close(run);
  }

  /**
   * An app's last lines may reach the engine after "finished", and the engine reads lines before it reads the status
   * (features.md 1.14 no. 1): so the log must stay quiet for a while after the finish.
   */
  async function grewWhileSettling(run: Run, id: RunId): Promise<boolean> {
    await pause(settings.drainSettleMs);
    return (await readStream(run, id, await stores.logs.logPosition(run.key))) !== 'quiet';
  }

  async function readStream(run: Run, id: RunId, position: LogPosition): Promise<Outcome> {
    const engine = parts.engines.get(run.engine);
    if (engine === undefined) throw new Error(`engine ${run.engine} is no longer configured`);
    let { size } = position;
    let outcome: Outcome = 'quiet';
    const upstream = new AbortController();
    const signal = AbortSignal.any([upstream.signal, stopping.signal]);
    try {
      for await (const { text, timestamp } of engine.streamLogs(id, position.engineTimestamp, signal)) {
        const piece = cutText(text, size, settings.maxLogBytes);
        const cut = piece.cut ? { cut: true } : {};
        if (!(await stores.logs.appendLog(run.key, size, { text: piece.text, engineTimestamp: timestamp, ...cut })))
          return 'raced';
        size += Buffer.byteLength(piece.text);
        signals.notify(run.key);
        if (piece.cut) return 'cut';
        outcome = 'grew';
      }
    } finally {
      upstream.abort();
    }
    return outcome;
  }

  /** Another process writes this log: look again only when it has stopped doing so. */
  async function yieldTo(run: Run, before: LogPosition): Promise<boolean> {
    let { size } = before;
    for (;;) {
      await pause(settings.yieldLogMs);
      const now = await stores.logs.logPosition(run.key);
      if (now.drained || stopping.signal.aborted) return true;
      if (now.size === size) return false;
      size = now.size;
    }
  }

  /** True where the log is closed for good: the engine forgot the run, or what it sends can't be read. */
  async function closeBroken(run: Run, error: unknown, unreadable: number): Promise<boolean> {
    const isForgotten = isAppError(error) && error.code === 'NOT_FOUND';
    if (!isForgotten && unreadable < UNREADABLE_AFTER) return false;
    const now = await parts.refresh(run).catch(() => run);
    if (!isFinal(now.status)) return false;
    const { size, engineTimestamp, drained } = await stores.logs.logPosition(run.key);
    const text = isForgotten
      ? '\n[fedctl] The engine forgot this run: the log may go on after this line.\n'
      : '\n[fedctl] The rest of the log could not be read from the engine.\n';
    if (!drained) await stores.logs.appendLog(run.key, size, { text, engineTimestamp, cut: true });
    return await close(run);
  }

  async function close(run: Run): Promise<boolean> {
    await stores.logs.markDrained(run.key);
    signals.notify(run.key);
    return true;
  }

  function pause(ms: number): Promise<void> {
    // Nobody notifies this topic: it ends with its time, or with this reader.
    return signals.wait('pause', ms, stopping.signal);
  }

  return {
    follow,
    async stop() {
      stopping.abort();
      await Promise.all(running.values());
    },
  };
}
