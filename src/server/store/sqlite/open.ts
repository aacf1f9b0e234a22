import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Logger } from '../../../core/log.ts';
import type { Databases } from '../databases.ts';
import type { Schema } from '../schema.ts';
import { readerDialect, writerDialect } from './dialect.ts';
import { describeFailure, storeUnavailable, toAppError } from './errors.ts';
import { openWriter } from './writer.ts';

export interface SqliteOptions {
  readonly path: string;
  /** How long a write waits for another writer, in this process or another. */
  readonly busyTimeoutMs: number;
  readonly log: Logger;
}

/** SQLite gives `-wal` and `-shm` the mode of the database file, so this is enough for all three. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (error) {
    // A file that cannot be written may still be read.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw storeUnavailable(error);
  }
  const { mode } = statSync(path);
  if ((mode & 0o077) !== 0) chmodSync(path, mode & 0o700);
}

function openReader(path: string): DatabaseSync {
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    db.exec('PRAGMA query_only = ON');
    return db;
  } catch (error) {
    throw toAppError(describeFailure(error));
  }
}

/** Opens (or makes, with mode 0600) the database file. @throws UNAVAILABLE STORE_UNAVAILABLE | STORE_BUSY */
export async function openSqlite({ path, busyTimeoutMs, log }: SqliteOptions): Promise<Databases> {
  makePrivate(path);
  const thread = await openWriter({ path, busyTimeoutMs }, log);
  let db: DatabaseSync;
  try {
    db = openReader(path);
  } catch (error) {
    await thread.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    reader: new Kysely<Schema>({ dialect: readerDialect({ db, busyTimeoutMs }) }),
    writer: new Kysely<Schema>({ dialect: writerDialect({ writer: thread, busyTimeoutMs }) }),
    types: { bytes: 'blob', sequence: 'integer primary key autoincrement' },
    // Not through kysely, which closes nothing that was never used. The writer is last: it folds the WAL in.
    close() {
      if (closed === undefined) {
        db.close();
        closed = thread.close();
      }
      return closed;
    },
  };
}
