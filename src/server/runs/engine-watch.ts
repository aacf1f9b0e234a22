import type { RunParts } from './parts.ts';
import type { Reconciler } from './reconcile.ts';

export interface EngineWatchParts extends Pick<RunParts, 'clock' | 'log' | 'settings' | 'signals'> {
  readonly name: string;
  readonly reconciler: Reconciler;
}

/** The timer of one engine: the whole comparison now and then, the status of open runs as long as there are any. */
export interface EngineWatch {
  /** Resolves after the first comparison, whatever came of it. */
  start(): Promise<void>;
  /** Looks again at once: a run was started. */
  wake(): void;
  stop(): Promise<void>;
}

export function createEngineWatch(parts: EngineWatchParts): EngineWatch {
  const { name, reconciler, clock, settings, signals } = parts;
  const stopping = new AbortController();
  const topic = `watch ${name}`;
  let loop: Promise<void> = Promise.resolve();
  let isAway = false;

  async function watch(): Promise<void> {
    let comparedAt = clock.monotonic();
    let openRuns = 1;
    while (!stopping.signal.aborted) {
      const untilCompare = comparedAt + settings.reconcileEveryMs - clock.monotonic();
      const pause = openRuns > 0 ? Math.min(settings.pollEveryMs, untilCompare) : untilCompare;
      await signals.wait(topic, Math.max(0, pause), stopping.signal);
      if (stopping.signal.aborted) return;
      const isDue = clock.monotonic() - comparedAt >= settings.reconcileEveryMs;
      if (isDue) comparedAt = clock.monotonic();
      openRuns = await look(isDue);
    }
  }

  /** One look at the engine; how many runs are open. An engine that is away is told once, and once when it is back. */
  async function look(compare: boolean): Promise<number> {
    try {
      if (compare) await reconciler.reconcile();
      const open = await reconciler.poll();
      // Without open runs a poll asks nobody, and says nothing of the engine.
      const wasAsked = compare || open > 0;
      if (isAway && wasAsked) parts.log.info({ engine: name }, 'the engine is back');
      if (wasAsked) isAway = false;
      return open;
    } catch (error) {
      if (!isAway) parts.log.warn({ engine: name, err: error }, 'the engine or the store can not be asked');
      isAway = true;
      return 1;
    }
  }

  return {
    async start() {
      await look(true);
      loop = watch();
    },
    wake: () => signals.notify(topic),
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
