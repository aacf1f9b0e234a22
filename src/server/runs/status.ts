import type { EngineRun } from '../../core/engine.ts';
import { isFinal, RUN_STATUSES, type Run, type RunStatus, type RunUpdate, STATUS_REASONS } from '../../core/runs.ts';

/** One sentence for `status`, with the engine's details where it gave some. They are plain text already. */
export function reasonFor(status: RunStatus, details = ''): string {
  return details === '' ? STATUS_REASONS[status] : details;
}

/** True when `next` is further along than `now`; a final status is never left (security.md I6). */
export function isForward(now: RunStatus, next: RunStatus): boolean {
  return !isFinal(now) && RUN_STATUSES.indexOf(next) > RUN_STATUSES.indexOf(now);
}

/**
 * What the engine's view changes in a row, or undefined for nothing. A step that was never seen keeps its time if the
 * engine tells it. Times come from the engine: they are what flwr shows.
 */
export function updateFrom(run: Run, seen: EngineRun): RunUpdate | undefined {
  if (isFinal(run.status)) return undefined;
  const update: Record<string, unknown> = {};
  if (isForward(run.status, seen.status)) {
    update.status = seen.status;
    update.reason = reasonFor(seen.status, seen.details);
  }
  for (const time of ['startingAt', 'runningAt', 'finishedAt'] as const) {
    if (run[time] === undefined && seen[time] !== undefined) update[time] = seen[time];
  }
  return Object.keys(update).length === 0 ? undefined : (update as RunUpdate);
}
