import { type Kysely, type Selectable, sql } from 'kysely';
import { isFinal, type Run } from '../../core/runs.ts';
import { toRun } from './run-rows.ts';
import type { RunTable, Schema } from './schema.ts';

type Row = Selectable<RunTable>;

/** Runs as they were last read: one object for as long as its row stands, so that what is made of a run can be kept with it. */
export interface KnownRuns {
  /** The run with this key if it has ended: its row stands for ever (`advance`, whichever process writes), and is read once. */
  ended(key: string): Run | undefined;
  /** The run of a row that was just read; the one that nobody asked for the longest is forgotten. */
  of(row: Row): Run;
}

interface Known {
  readonly run: Run;
  /** As it was read; undefined for a run that has ended. */
  readonly row: Row | undefined;
}

/** Some kilobytes each, with what the answers keep of them. */
const MAX_RUNS = 5_000;

export function createKnownRuns(maxRuns = MAX_RUNS): KnownRuns {
  const runs = new Map<string, Known>();

  /** The newest comes last. */
  function keep(known: Known): Run {
    const { key } = known.run;
    runs.delete(key);
    runs.set(key, known);
    const oldest = runs.size > maxRuns ? runs.keys().next().value : undefined;
    if (oldest !== undefined) runs.delete(oldest);
    return known.run;
  }

  return {
    ended(key) {
      const known = runs.get(key);
      return known && !known.row ? keep(known) : undefined;
    },
    of(row) {
      const known = runs.get(row.key);
      if (known && (!known.row || isSame(known.row, row))) return keep(known);
      const run = toRun(row);
      return keep({ run, row: isFinal(run.status) ? undefined : row });
    },
  };
}

function isSame(known: Row, row: Row): boolean {
  for (const column in row) if (row[column as keyof Row] !== known[column as keyof Row]) return false;
  return true;
}

/** Rows of one query: a fixed number, so that there is one statement to prepare. */
const BATCH = 25;

/** The runs with these keys, in their order; only those that may still change, or are not known yet, are read. */
export async function runsOfKeys(
  db: Kysely<Schema>,
  known: KnownRuns,
  keys: readonly string[],
): Promise<readonly Run[]> {
  const runs = new Map<string, Run>();
  const missing: string[] = [];
  for (const key of keys) {
    const run = known.ended(key);
    if (run === undefined) missing.push(key);
    else runs.set(key, run);
  }
  for (let from = 0; from < missing.length; from += BATCH) {
    const some = Array.from({ length: BATCH }, (_, index) => missing[from + index] ?? null);
    const query = sql<Row>`select * from run where key in (${sql.join(some)})`;
    for (const row of (await query.execute(db)).rows) runs.set(row.key, known.of(row));
  }
  return keys.flatMap((key) => runs.get(key) ?? []);
}
