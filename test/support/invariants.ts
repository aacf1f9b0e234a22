import { DatabaseSync } from 'node:sqlite';
import { isFinal, RUN_STATUSES, type RunStatus } from '../../src/core/runs.ts';

/** What a client was told: this submission is this run. */
export interface Acknowledged {
  readonly requestId: string;
  readonly runId: string;
}

/** Two databases of which neither knows the other. */
export interface Books {
  /** fedctl.db of the control plane. */
  readonly ours: string;
  /** state.db of the SuperLink. */
  readonly engine: string;
}

interface Row {
  readonly key: string;
  readonly id: string | null;
  readonly request_id: string;
  readonly owner_account_id: string;
  readonly bundle_sha256: string;
  readonly status: RunStatus;
  readonly reason: string;
  readonly quarantined: number;
  readonly stop_requested_at: number | null;
}

/**
 * What contradicts the invariants of security.md section 4: I1 (no run lost), I2 (no orphan), I3 (no duplicate) and I7
 * (each run has its audit row). Sentences for people; none = all hold. To be asked once nothing is under way.
 */
export function findViolations(books: Books, acknowledged: readonly Acknowledged[]): readonly string[] {
  const rows = readRows(books.ours);
  const engine = readEngineRuns(books.engine);
  return [
    ...lost(rows, engine, acknowledged),
    ...orphans(rows, engine),
    ...duplicates(rows, acknowledged),
    ...unaudited(books.ours, rows),
  ];
}

function lost(rows: readonly Row[], engine: readonly string[], acknowledged: readonly Acknowledged[]): string[] {
  return acknowledged.flatMap(({ requestId, runId }) => [
    ...(engine.includes(runId) ? [] : [`I1: run ${runId} was acknowledged and the engine does not have it`]),
    ...(rows.some((row) => row.id === runId && row.request_id === requestId)
      ? []
      : [`I1: run ${runId} was acknowledged for ${requestId} and has no such row`]),
  ]);
}

function orphans(rows: readonly Row[], engine: readonly string[]): string[] {
  const owned = engine.flatMap((id) => {
    const found = rows.filter((row) => row.id === id);
    if (found.length !== 1) return [`I2: engine run ${id} has ${found.length} rows`];
    return found[0]?.quarantined ? [`I2: engine run ${id} belongs to nobody`] : [];
  });
  const open = rows.filter((row) => row.id === null && !isFinal(row.status));
  return [...owned, ...open.map((row) => `I2: row ${row.key} is ${row.status} for good`)];
}

function duplicates(rows: readonly Row[], acknowledged: readonly Acknowledged[]): string[] {
  const told = Map.groupBy(acknowledged, ({ requestId }) => requestId);
  const twice = [...told].filter(([, runs]) => new Set(runs.map(({ runId }) => runId)).size > 1);
  const stored = Map.groupBy(rows, (row) => `${row.owner_account_id} ${row.request_id}`);
  return [
    ...twice.map(([requestId]) => `I3: ${requestId} was answered with more than one run`),
    ...[...stored].filter(([, same]) => same.length > 1).map(([name]) => `I3: ${name} has more than one row`),
  ];
}

function unaudited(database: string, rows: readonly Row[]): string[] {
  const count = (row: Row): number =>
    Number(
      select(
        database,
        `select count(*) as n from audit where action = 'runs.start' and decision = 'allow' and account_id = ? and bundle = ?`,
        row.owner_account_id,
        row.bundle_sha256,
      )[0]?.n,
    );
  const submitted = rows.filter((row) => !row.quarantined);
  return submitted
    .filter((row) => {
      const same = submitted.filter(
        (other) => other.bundle_sha256 === row.bundle_sha256 && other.owner_account_id === row.owner_account_id,
      );
      return count(row) < same.length;
    })
    .map((row) => `I7: a run of ${row.bundle_sha256} has no audit row`);
}

/** Rows of the control plane, oldest first. */
export function readRows(database: string): readonly Row[] {
  return select(database, 'select * from run order by created_at, key') as unknown as Row[];
}

/** Ids of the engine's runs, as it lists them itself: decimal, unsigned. */
export function readEngineRuns(database: string): readonly string[] {
  const rows = select(database, 'select cast(run_id as text) as id from run');
  return rows.map(({ id }) => String(BigInt.asUintN(64, BigInt(String(id)))));
}

export interface StatusHistory {
  /** Ends the watch. What contradicts I6 (statuses move forward only): sentences, none = it holds. */
  end(): readonly string[];
}

/** Looks at every run's status until it is ended. */
export function watchStatuses(database: string): StatusHistory {
  const seen = new Map<string, RunStatus>();
  const wrong: string[] = [];
  const look = (): void => {
    for (const { key, status } of readRows(database)) {
      const before = seen.get(key);
      if (before !== undefined && before !== status) {
        const isForward = !isFinal(before) && RUN_STATUSES.indexOf(status) > RUN_STATUSES.indexOf(before);
        if (!isForward) wrong.push(`I6: ${key} went from ${before} to ${status}`);
      }
      seen.set(key, status);
    }
  };
  const timer = setInterval(look, 100);
  return {
    end() {
      clearInterval(timer);
      look();
      return wrong;
    },
  };
}

/** Names of the places that hold one of the secrets: I8 wants none. */
export function placesWith(secrets: readonly string[], places: Readonly<Record<string, string>>): readonly string[] {
  const real = secrets.filter((secret) => secret.length >= 8);
  return Object.entries(places)
    .filter(([, text]) => real.some((secret) => text.includes(secret)))
    .map(([name]) => name);
}

function select(database: string, sql: string, ...values: string[]): Record<string, unknown>[] {
  const open = new DatabaseSync(database, { readOnly: true, timeout: 5_000 });
  try {
    return open.prepare(sql).all(...values) as Record<string, unknown>[];
  } finally {
    open.close();
  }
}
