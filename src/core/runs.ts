import type { AuditRow } from './audit.ts';
import type { RunId } from './ids.ts';

/** Moves forward only, in this order; `lost` when the engine forgot the run. */
export const RUN_STATUSES = [
  'submitting',
  'pending',
  'starting',
  'running',
  'finished:completed',
  'finished:failed',
  'finished:stopped',
  'lost',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export function isFinal(status: RunStatus): boolean {
  return status === 'lost' || status.startsWith('finished:');
}

/** What a person reads of a run where the engine says nothing of its own. */
export const STATUS_REASONS: Readonly<Record<RunStatus, string>> = {
  submitting: 'Being handed to the engine.',
  pending: 'Waiting for the engine to start it.',
  starting: 'The engine is starting the app.',
  running: 'The app is running.',
  'finished:completed': 'The app ran to its end.',
  'finished:failed': 'The app failed; its log says why.',
  'finished:stopped': 'Stopped on request.',
  lost: 'The engine no longer knows this run.',
};

/** Flower's Scalar as it stands in a run configuration. */
export type Scalar = boolean | bigint | number | string | Uint8Array;
/** bigint is an integer, number is a float: Flower keeps them apart. */
export type RunConfig = Readonly<Record<string, Scalar>>;

/** A run's row. Times are epoch ms; undefined = not reached. */
export interface Run {
  /** Ours, opaque; stands before the engine has given an id. */
  readonly key: string;
  /** The engine's id and the public one. */
  readonly id: RunId | undefined;
  readonly requestId: string;
  readonly engine: string;
  readonly federation: string;
  readonly ownerAccountId: string;
  /** OpenFGA principal of the owner. */
  readonly owner: string;
  /** Account name of the owner, for display. */
  readonly ownerHandle: string;
  readonly app: string;
  readonly appVersion: string;
  readonly bundleSha256: string;
  readonly status: RunStatus;
  readonly reason: string;
  readonly createdAt: number;
  readonly startingAt: number | undefined;
  readonly runningAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** A run found at the engine that nobody submitted through us: admins only. */
  readonly quarantined: boolean;
  /** Set once a stop was asked for: the reconciler repeats it until the engine agrees. */
  readonly stopRequestedAt: number | undefined;
}

export interface RunUpdate {
  readonly id?: RunId;
  readonly status?: RunStatus;
  readonly reason?: string;
  readonly startingAt?: number;
  readonly runningAt?: number;
  readonly finishedAt?: number;
  readonly stopRequestedAt?: number;
}

/** Whose rows a page may hold; the page is then checked row by row. */
export interface RunFilter {
  /** Own runs of this account. */
  readonly ownerAccountId?: string;
  /** All runs of these federations. */
  readonly federations?: readonly string[];
  /** Runs that a stored grant names for one of these principals (users, groups). */
  readonly sharedWith?: readonly string[];
  /** Also runs that a stored grant names for any local group (`group:local|...`): who is a member of it the check decides. */
  readonly sharedWithLocalGroups?: boolean;
  /** Everything, quarantined runs too: system admins. */
  readonly all?: boolean;
  /** Narrowing, joined by AND to the above. */
  readonly idPrefix?: string;
  readonly federation?: string;
}

export interface RunStore {
  /**
   * One durable transaction: the row and its audit row. Where (account, requestId) stands already, nothing is written
   * and that run is returned with `existing` true. Otherwise at most one row per (engine, bundle) stands at `submitting`,
   * over all processes (a unique partial index): Flower echoes no request id, so the bundle is what a run is found by.
   * @throws ABORTED SUBMIT_IN_FLIGHT when another row of that engine and bundle stands at `submitting`.
   * @throws FAILED_PRECONDITION FEDERATION_ARCHIVED for a submit into a federation whose row says so.
   * @throws ALREADY_EXISTS RUN_ID_TAKEN when `run.id` stands in another row of its engine; from `updateRun`, of any engine.
   */
  insertRun(run: Run, audit: AuditRow): Promise<{ run: Run; existing: boolean }>;
  runByKey(key: string): Promise<Run | undefined>;
  runById(id: RunId): Promise<Run | undefined>;
  /** Newest first, from below `before` (createdAt and key of the last row seen). Rows without an id are left out unless `all`. */
  listRuns(filter: RunFilter, limit: number, before?: { createdAt: number; key: string }): Promise<readonly Run[]>;
  /** Applies what moves forward, durably; a status never goes back (I6). Returns the row as it stands afterwards. */
  updateRun(key: string, update: RunUpdate): Promise<Run>;
  /** Rows that are not final, and final ones whose log is not drained, of one engine. */
  openRuns(engine: string): Promise<readonly Run[]>;
}

export interface BundleStore {
  /** Keeps `content` under its SHA-256 (lower-case hex), once. */
  putBundle(sha256: string, content: Uint8Array, now: number): Promise<void>;
  bundle(sha256: string): Promise<Uint8Array | undefined>;
  /** Deletes bundles that no run younger than `before` names. */
  sweepBundles(before: number): Promise<number>;
}

/** A stored piece of a run's log. `offset` is where it starts, in bytes of UTF-8. */
export interface LogChunk {
  readonly offset: number;
  readonly text: string;
  /** The engine's own position after this piece (seconds since the epoch, as Flower counts); inside a text that it sent as one, that before it. */
  readonly engineTimestamp: number;
}

export interface LogPosition {
  /** Bytes stored. */
  readonly size: number;
  readonly engineTimestamp: number;
  /** Everything that the engine had is stored. */
  readonly drained: boolean;
  /** `max-per-run` was reached and the marker line written. */
  readonly cut: boolean;
}

export interface LogStore {
  logPosition(runKey: string): Promise<LogPosition>;
  /** Appends at `expectedSize`; false (and nothing written) if the log has another size by now: one writer wins, over all processes. */
  appendLog(
    runKey: string,
    expectedSize: number,
    chunk: { text: string; engineTimestamp: number; cut?: boolean },
  ): Promise<boolean>;
  markDrained(runKey: string): Promise<void>;
  /** Chunks from byte `offset` on (a chunk may start before it: cut it), at most `maxBytes` or one chunk. */
  readLog(runKey: string, offset: number, maxBytes: number): Promise<readonly LogChunk[]>;
  /** Byte offset of the first chunk whose engine timestamp is after `timestamp`; the size where there is none. */
  offsetAfter(runKey: string, timestamp: number): Promise<number>;
  /** Deletes logs of runs finished before `before`. */
  sweepLogs(before: number): Promise<number>;
}
