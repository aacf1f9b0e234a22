import type { RunId } from './ids.ts';
import type { EngineNode, NodeId, NodeRegistration } from './nodes.ts';
import type { RunConfig, RunStatus } from './runs.ts';

/** Releases of Flower that build an app to the same bytes: 1 up to 1.22, 2 up to 1.26, 3 is 1.27, 4 from 1.28 on ({@link familyOf}). */
export type BundleFamily = 1 | 2 | 3 | 4;

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
  /** All SuperNodes that it knows. @throws FAILED_PRECONDITION ENGINE_TOO_OLD before 1.23 */
  listNodes(): Promise<readonly EngineNode[]>;
  /** @throws FAILED_PRECONDITION NODE_KEY_TAKEN | NODE_KEY_INVALID | ENGINE_REFUSED | ENGINE_TOO_OLD */
  registerNode(registration: NodeRegistration): Promise<NodeId>;
  /** @throws NOT_FOUND NODE_NOT_FOUND */
  unregisterNode(id: NodeId): Promise<void>;
  /** Family of app bundles that its release builds (flower/facts section 5); undefined while it can't be told. Asks once a connection at most. */
  bundleFamily(): Promise<BundleFamily | undefined>;
  /** Reachability, for health. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
