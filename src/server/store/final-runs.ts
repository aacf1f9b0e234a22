import { type Kysely, type Selectable, sql } from 'kysely';
import { isFinal, type Run } from '../../core/runs.ts';
import { toRun } from './run-rows.ts';
import type { RunTable, Schema } from './schema.ts';

/** Runs that have ended, by key. Their rows stand for ever (`advance`, whichever process writes), so that they are read once. */
export interface FinalRuns {
  get(key: string): Run | undefined;
  /** Keeps it if it is final; the one that nobody asked for the longest goes. */
  keep(run: Run): void;
}

/** Some kilobytes each, with what the answers keep of them. */
const MAX_RUNS = 5_000;

export function createFinalRuns(maxRuns = MAX_RUNS): FinalRuns {
  const runs = new Map<string, Run>();
  return {
    get(key) {
      const run = runs.get(key);
      if (run === undefined) return undefined;
      runs.delete(key);
      runs.set(key, run);
      return run;
    },
    keep(run) {
      if (!isFinal(run.status)) return;
      runs.set(run.key, run);
      const oldest = runs.size > maxRuns ? runs.keys().next().value : undefined;
      if (oldest !== undefined) runs.delete(oldest);
    },
  };
}

/** Rows of one query: a fixed number, so that there is one statement to prepare. */
const BATCH = 25;

/** The runs with these keys, in their order; only those that may still change, or are not known yet, are read. */
export async function runsOfKeys(
  db: Kysely<Schema>,
  final: FinalRuns,
  keys: readonly string[],
): Promise<readonly Run[]> {
  const runs = new Map<string, Run>();
  const missing: string[] = [];
  for (const key of keys) {
    const known = final.get(key);
    if (known === undefined) missing.push(key);
    else runs.set(key, known);
  }
  for (let from = 0; from < missing.length; from += BATCH) {
    const some = Array.from({ length: BATCH }, (_, index) => missing[from + index] ?? null);
    const query = sql<Selectable<RunTable>>`select * from run where key in (${sql.join(some)})`;
    for (const row of (await query.execute(db)).rows) {
      const run = toRun(row);
      runs.set(run.key, run);
      final.keep(run);
    }
  }
  return keys.flatMap((key) => runs.get(key) ?? []);
}
