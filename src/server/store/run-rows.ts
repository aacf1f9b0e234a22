import type { Selectable } from 'kysely';
import { isFinal, RUN_STATUSES, type Run, type RunStatus, type RunUpdate } from '../../core/runs.ts';
import type { RunTable } from './schema.ts';

/** Frozen: shared by all who ask for it while the row stands. */
export function toRun(row: Selectable<RunTable>): Run {
  return Object.freeze({
    key: row.key,
    id: row.id === null ? undefined : BigInt(row.id),
    requestId: row.request_id ?? '',
    engine: row.engine,
    federation: row.federation,
    ownerAccountId: row.owner_account_id,
    owner: row.owner,
    ownerHandle: row.owner_handle,
    app: row.app,
    appVersion: row.app_version,
    bundleSha256: row.bundle_sha256,
    status: row.status as RunStatus,
    reason: row.reason,
    createdAt: row.created_at,
    startingAt: row.starting_at ?? undefined,
    runningAt: row.running_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    quarantined: row.quarantined === 1,
    stopRequestedAt: row.stop_requested_at ?? undefined,
  });
}

export function toRow(run: Run): RunTable {
  return {
    key: run.key,
    id: run.id === undefined ? null : String(run.id),
    request_id: run.requestId === '' ? null : run.requestId,
    engine: run.engine,
    federation: run.federation,
    owner_account_id: run.ownerAccountId,
    owner: run.owner,
    owner_handle: run.ownerHandle,
    app: run.app,
    app_version: run.appVersion,
    bundle_sha256: run.bundleSha256,
    status: run.status,
    reason: run.reason,
    created_at: run.createdAt,
    starting_at: run.startingAt ?? null,
    running_at: run.runningAt ?? null,
    finished_at: run.finishedAt ?? null,
    quarantined: Number(run.quarantined),
    stop_requested_at: run.stopRequestedAt ?? null,
    is_open: Number(hasWork(run.status, run.id !== undefined)),
  };
}

/** A final run without an engine id never had a log to drain. */
function hasWork(status: RunStatus, hasId: boolean): boolean {
  return !isFinal(status) || hasId;
}

function movesForward(from: RunStatus, to: RunStatus): boolean {
  return RUN_STATUSES.indexOf(to) > RUN_STATUSES.indexOf(from);
}

/**
 * The columns of `row` that `update` moves forward (I6): ids and times are set once, a reason belongs to the
 * status it came with. A final run stands as it is, whatever comes late: also an id, as that run of the engine is not this one.
 */
export function advance(row: Selectable<RunTable>, update: RunUpdate, drained: boolean): Partial<RunTable> {
  const standing = row.status as RunStatus;
  if (isFinal(standing)) return { is_open: Number(row.id !== null && !drained) };
  const wanted = update.status ?? standing;
  const moves = movesForward(standing, wanted);
  const status = moves ? wanted : standing;
  const id = row.id ?? (update.id === undefined ? null : String(update.id));
  const reasonFits = moves || wanted === standing;
  return {
    id,
    status,
    reason: reasonFits ? (update.reason ?? row.reason) : row.reason,
    starting_at: row.starting_at ?? update.startingAt ?? null,
    running_at: row.running_at ?? update.runningAt ?? null,
    finished_at: row.finished_at ?? update.finishedAt ?? null,
    stop_requested_at: row.stop_requested_at ?? update.stopRequestedAt ?? null,
    is_open: Number(!isFinal(status) || (id !== null && !drained)),
  };
}
