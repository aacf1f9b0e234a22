import { AppError } from '../../../core/errors.ts';

/** What is left of an error of SQLite after it crossed a thread. */
export interface SqliteFailure {
  /** SQLite's extended result code; undefined for anything that is no error of SQLite. */
  readonly errcode: number | undefined;
  readonly message: string;
}

/** https://www.sqlite.org/rescode.html: the low byte is the primary code. */
const PRIMARY = { busy: 5, locked: 6, readonly: 8, io: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 };
const BUSY: readonly number[] = [PRIMARY.busy, PRIMARY.locked];
const UNAVAILABLE: readonly number[] = [
  PRIMARY.readonly,
  PRIMARY.io,
  PRIMARY.corrupt,
  PRIMARY.full,
  PRIMARY.cantOpen,
  PRIMARY.notADatabase,
];
/** SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE. */
const UNIQUE: readonly number[] = [1555, 2067];

export function describeFailure(error: unknown): SqliteFailure {
  const { errcode, message } = error as { errcode?: unknown; message?: unknown };
  return { errcode: typeof errcode === 'number' ? errcode : undefined, message: String(message ?? error) };
}

export function isBusy(failure: SqliteFailure): boolean {
  return failure.errcode !== undefined && BUSY.includes(failure.errcode & 0xff);
}

/**
 * UNAVAILABLE STORE_BUSY | STORE_UNAVAILABLE, ALREADY_EXISTS STORE_CONFLICT (a unique index stands against it),
 * else INTERNAL STORE_FAILED. SQLite's words are the private cause: they hold names of columns, never values.
 */
export function toAppError(failure: SqliteFailure): AppError {
  const cause = new Error(`SQLite ${failure.errcode ?? '-'}: ${failure.message}`);
  const code = failure.errcode ?? 0;
  if (isBusy(failure)) return storeBusy(cause);
  if (UNAVAILABLE.includes(code & 0xff)) return storeUnavailable(cause);
  if (UNIQUE.includes(code)) return new AppError('ALREADY_EXISTS', 'STORE_CONFLICT', 'This exists already.', { cause });
  return new AppError('INTERNAL', 'STORE_FAILED', 'The store refused a query.', { cause });
}

export function storeBusy(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'STORE_BUSY', 'The store is busy.', {
    hint: 'Try again in a moment.',
    retryAfterMs: 1000,
    cause,
  });
}

export function storeUnavailable(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'STORE_UNAVAILABLE', 'The store cannot be used right now.', {
    hint: 'Try again later; the administrator finds the reason in the log of the server.',
    cause,
  });
}
