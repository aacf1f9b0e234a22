const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** Times in milliseconds, sizes in bytes. */
export interface RunSettings {
  /** How often an engine's list is compared with the rows. */
  readonly reconcileEveryMs: number;
  /** How often the status of open runs is asked for, while there are any. */
  readonly pollEveryMs: number;
  /** A row at `submitting` that no engine run matches for this long has failed. Must be over the engine's StartRun deadline (20 s). */
  readonly giveUpAfterMs: number;
  /** How far the engine's clock may be behind ours for a run to match its row. */
  readonly clockToleranceMs: number;
  /** How long a submit waits for an unknown outcome, or for another submit of the same bundle. */
  readonly outcomeWaitMs: number;
  /** A status younger than this is not asked for again. */
  readonly freshMs: number;
  /** How long a finished run's log must stay quiet before it counts as whole. */
  readonly drainSettleMs: number;
  /** How long a process that lost the race to append lets the other one write. */
  readonly yieldLogMs: number;
  /** How often a waiting reader looks into the store: another process may be the writer. */
  readonly readEveryMs: number;
  /** `[logs] max-per-run`. */
  readonly maxLogBytes: number;
  /** `[logs] retention`, counted from a run's finish. */
  readonly logRetentionMs: number;
  /** How long bundles are kept after the last run that names them. */
  readonly bundleRetentionMs: number;
  readonly sweepEveryMs: number;
}

export const DEFAULT_RUN_SETTINGS: RunSettings = {
  reconcileEveryMs: 10 * SECOND,
  pollEveryMs: SECOND,
  giveUpAfterMs: 30 * SECOND,
  clockToleranceMs: 5 * SECOND,
  outcomeWaitMs: 25 * SECOND,
  freshMs: 500,
  drainSettleMs: 1_500,
  yieldLogMs: 5 * SECOND,
  readEveryMs: 500,
  maxLogBytes: 64 * 1024 * 1024,
  logRetentionMs: 90 * 24 * HOUR,
  bundleRetentionMs: 90 * 24 * HOUR,
  sweepEveryMs: HOUR,
};
