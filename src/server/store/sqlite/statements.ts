import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** One SQL statement as it travels to the thread that runs it. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
  /** Whether rows are wanted; else the number of changed rows is. */
  readonly returnsRows: boolean;
}

export interface StatementResult {
  readonly rows: unknown[];
  readonly changes: number;
}

export type RunStatement = (statement: Statement) => StatementResult;

/** Lists in `in (...)` make many texts of one query: the oldest prepared statement goes. */
const MAX_PREPARED = 256;

/** Runs statements on `db`, keeping them prepared. */
export function createStatementRunner(db: DatabaseSync): RunStatement {
  const prepared = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const oldest = prepared.keys().next();
    if (prepared.size >= MAX_PREPARED && !oldest.done) prepared.delete(oldest.value);
    const made = db.prepare(sql);
    prepared.set(sql, made);
    return made;
  }

  return ({ sql, parameters, returnsRows }) => {
    const statement = prepare(sql);
    if (returnsRows) return { rows: statement.all(...parameters), changes: 0 };
    return { rows: [], changes: Number(statement.run(...parameters).changes) };
  };
}
