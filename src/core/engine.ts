import type { RunId } from './ids.ts';
import type { RunConfig, RunStatus } from './runs.ts';

/** A run as the engine tells it. Times are epoch ms. */
export interface EngineRun {
  readonly id: RunId;
  readonly bundleSha256: string;
  readonly app: string;
  readonly appVersion: string;
  readonly status: Exclude<RunStatus, 'submitting' | 'lost'>;
  readonly details: string;
  readonly pendingAt: number | undefined;
  readonly startingAt: number | undefined;
  readonly runningAt: number | undefined;
  readonly finishedAt: number | undefined;
}

export interface EngineSubmit {
  readonly bundle: Uint8Array;
  readonly bundleSha256: string;
  readonly runConfig: RunConfig;
  readonly federationConfig: RunConfig;
}

/**
 * A Flower SuperLink. Errors: UNAVAILABLE ENGINE_UNREACHABLE (no connection: nothing was sent),
 * UNAVAILABLE ENGINE_UNAVAILABLE (it may have acted: ask before repeating),
 * FAILED_PRECONDITION ENGINE_REFUSED (it said no, with its own public sentence), NOT_FOUND RUN_NOT_FOUND,
 * INTERNAL ENGINE_ANSWER_INVALID (it answered something that no SuperLink answers; it may have acted).
 */
export interface Engine {
  /** "flower-grpc"; stands in logs and health. */
  readonly kind: string;
  startRun(submit: EngineSubmit, signal: AbortSignal): Promise<RunId>;
  stopRun(id: RunId): Promise<void>;
  /** One run by id (empty when unknown), or all that the engine has. */
  listRuns(id?: RunId): Promise<readonly EngineRun[]>;
  /** Log text after `afterTimestamp`, until the run has finished and is drained (then it ends), or `signal` aborts. */
  streamLogs(
    id: RunId,
    afterTimestamp: number,
    signal: AbortSignal,
  ): AsyncIterable<{ text: string; timestamp: number }>;
  /** Reachability, for health. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
