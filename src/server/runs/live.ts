import { AppError, isAppError } from '../../core/errors.ts';
import { isFinal, type Run } from '../../core/runs.ts';
import type { RunService } from '../../core/services.ts';
import type { RunParts } from './parts.ts';
import type { Reconciler } from './reconcile.ts';

export interface LiveRuns extends Pick<RunService, 'current' | 'stop'> {
  /** The run as the engine has it now. @throws when the engine can't be asked */
  refresh(run: Run): Promise<Run>;
}

/** Runs as they stand now, and stopping them. */
export function createLiveRuns(parts: RunParts, reconcilers: ReadonlyMap<string, Reconciler>): LiveRuns {
  const { stores, clock, settings } = parts;
  const refreshedAt = new Map<string, number>();

  async function refresh(run: Run): Promise<Run> {
    const row = (await stores.runs.runByKey(run.key)) ?? run;
    if (isFinal(row.status) || row.id === undefined) return row;
    return (await reconcilers.get(row.engine)?.refresh(row)) ?? row;
  }

  async function current(key: string): Promise<Run> {
    const row = await stores.runs.runByKey(key);
    if (row === undefined) throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'Run ID not found');
    if (isFinal(row.status)) {
      refreshedAt.delete(key);
      return row;
    }
    const isFresh = clock.monotonic() - (refreshedAt.get(key) ?? Number.NEGATIVE_INFINITY) < settings.freshMs;
    if (isFresh) return row;
    refreshedAt.set(key, clock.monotonic());
    // The row is an answer too: an engine that is away must not hide it.
    return await refresh(row).catch(() => row);
  }

  async function stop(run: Run): Promise<Run> {
    const now = await current(run.key);
    if (isFinal(now.status)) throw runFinished(now);
    const asked = await stores.runs.updateRun(run.key, { stopRequestedAt: clock.now() });
    // Without an id yet: the reconciler stops it as soon as it has one.
    if (asked.id === undefined) return asked;
    try {
      const engine = parts.engines.get(asked.engine);
      if (engine === undefined) throw engineGone(asked.engine);
      await engine.stopRun(asked.id);
    } catch (error) {
      const seen = await refresh(asked).catch(() => asked);
      // The reconciler carries out kept stops too, and may have been first: then it has stopped, as asked.
      if (seen.status === 'finished:stopped') return seen;
      throw stopError(seen, error);
    }
    return await refresh(asked).catch(() => asked);
  }

  return { refresh, current, stop };
}

/** An engine that the configuration names no more: a stop that reaches nobody must not look like one that did. */
function engineGone(engine: string): AppError {
  return new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', `The engine "${engine}" of this run is not configured.`);
}

/** What it means that the engine did not take a stop. */
function stopError(run: Run, error: unknown): unknown {
  if (isFinal(run.status)) return runFinished(run);
  if (!isAppError(error) || error.code !== 'UNAVAILABLE') return error;
  return new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'The engine does not answer; the stop is kept.', {
    hint: 'The run is stopped as soon as the engine answers; nothing else is to be done.',
    cause: error,
  });
}

function runFinished(run: Run): AppError {
  const text = run.status === 'lost' ? 'The engine lost this run.' : 'The run has finished already.';
  return new AppError('FAILED_PRECONDITION', 'RUN_FINISHED', text);
}
