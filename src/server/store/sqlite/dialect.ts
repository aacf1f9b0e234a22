import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { describeFailure, isBusy, storeBusy, storeUnavailable, toAppError } from './errors.ts';
import { createLock } from './lock.ts';
import { createStatementRunner, type Statement, type StatementResult } from './statements.ts';
import type { Writer } from './writer.ts';

/** kysely would queue without a time limit for a dialect of one connection: the drivers below do it themselves. */
class Adapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

type Execute = (statement: Statement) => Promise<StatementResult>;

const CHANGING: readonly string[] = ['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode', 'MergeQueryNode'];

function toStatement({ sql, parameters, query }: CompiledQuery): Statement {
  const returnsRows =
    query.kind === 'RawNode'
      ? /^\s*(select|with|pragma|explain)\b/i.test(sql)
      : query.kind === 'SelectQueryNode' ||
        (CHANGING.includes(query.kind) && 'returning' in query && !!query.returning);
  return { sql, parameters: parameters as readonly SQLInputValue[], returnsRows };
}

function command(sql: string): Statement {
  return { sql, parameters: [], returnsRows: false };
}

function createConnection(execute: Execute): DatabaseConnection {
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes } = await execute(toStatement(query));
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    },
    // biome-ignore lint/correctness/useYield: SQLite pages with limits; nothing streams
    async *streamQuery() {
      throw new Error('streaming is not supported');
    },
  };
}

function dialectOf(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createAdapter: () => new Adapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/**
 * The write side. Every statement and every transaction holds the connection alone; who has waited `busyTimeoutMs`
 * for it gets STORE_BUSY, so that a queue behind a locked database ends.
 */
export function writerDialect({ writer, busyTimeoutMs }: { writer: Writer; busyTimeoutMs: number }): Dialect {
  const lock = createLock();
  const connection = createConnection((statement) => writer.run(statement));
  return dialectOf({
    init: async () => undefined,
    async acquireConnection() {
      if (await lock.acquire(busyTimeoutMs)) return connection;
      throw storeBusy(new Error(`waited ${busyTimeoutMs} ms for the write connection`));
    },
    async releaseConnection() {
      lock.release();
    },
    // Immediate: a transaction that read first and then cannot write (SQLITE_BUSY_SNAPSHOT) can't happen.
    beginTransaction: async () => void (await writer.run(command('begin immediate'))),
    commitTransaction: async () => void (await writer.run(command('commit'))),
    rollbackTransaction: async () => void (await writer.run(command('rollback'))),
    destroy: () => writer.close(),
  });
}

/**
 * The read side, on the calling thread: in WAL mode readers wait for nobody, save for moments of recovery,
 * which are waited for without blocking.
 */
export function readerDialect({ db, busyTimeoutMs }: { db: DatabaseSync; busyTimeoutMs: number }): Dialect {
  const run = createStatementRunner(db);
  async function execute(statement: Statement): Promise<StatementResult> {
    const deadline = performance.now() + busyTimeoutMs;
    for (;;) {
      // Node 22.13 has no such property yet; there the statement itself fails.
      if (db.isOpen === false) throw storeUnavailable(new Error('the store has been closed'));
      try {
        return run(statement);
      } catch (error) {
        const failure = describeFailure(error);
        if (!isBusy(failure) || performance.now() > deadline) throw toAppError(failure);
        await delay(10);
      }
    }
  }
  const connection = createConnection(execute);
  const refuse = () => Promise.reject(new Error('this connection only reads'));
  return dialectOf({
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: async () => db.close(),
  });
}
