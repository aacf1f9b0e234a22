/**
 * The thread that owns the one write connection. It waits for locks and for the disk, so that nobody else has to.
 * One message in, one message out, in order.
 */
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { describeFailure, isBusy, type SqliteFailure } from './errors.ts';
import { createStatementRunner, type RunStatement, type Statement, type StatementResult } from './statements.ts';

export interface WriterSettings {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

export type WriterRequest = Statement | 'close';
export type WriterAnswer = { readonly result: StatementResult } | { readonly failure: SqliteFailure };

const DONE: WriterAnswer = { result: { rows: [], changes: 0 } };

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Two processes that turn on WAL at the same time get "locked" without the busy timeout: repeat here. */
function enableWal(db: DatabaseSync, timeoutMs: number): void {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(describeFailure(error)) || performance.now() > deadline) throw error;
      pause(20);
    }
  }
}

function open({ path, busyTimeoutMs }: WriterSettings): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  enableWal(db, busyTimeoutMs);
  db.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  return db;
}

function answer(db: DatabaseSync, run: RunStatement, request: WriterRequest): WriterAnswer {
  try {
    if (request === 'close') {
      db.close();
      return DONE;
    }
    // SQLite ends a transaction by itself when the disk is full; a failed commit may leave one open.
    if (request.sql === 'rollback' && db.isTransaction === false) return DONE;
    return { result: run(request) };
  } catch (error) {
    return { failure: describeFailure(error) };
  }
}

function serve(port: MessagePort, settings: WriterSettings): void {
  let db: DatabaseSync;
  try {
    db = open(settings);
  } catch (error) {
    port.postMessage({ failure: describeFailure(error) } satisfies WriterAnswer);
    port.close();
    return;
  }
  const run = createStatementRunner(db);
  port.postMessage(DONE);
  port.on('message', (request: WriterRequest) => {
    port.postMessage(answer(db, run, request));
    if (request === 'close') port.close();
  });
}

if (parentPort !== null) serve(parentPort, workerData as WriterSettings);
