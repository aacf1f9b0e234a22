import type { AuditLog, AuditRow, AuditStore } from '../../core/audit.ts';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Service } from '../../core/services.ts';

/** Rows that may wait for a commit; more are refused, because their callers wait for nothing useful by then. */
const CAPACITY = 10_000;
/** Rows of one commit. */
const BATCH = 500;

interface Entry {
  readonly row: AuditRow;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

function auditUnavailable(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', 'The call could not be recorded, so it was not answered.', {
    hint: 'Try again later; the administrator finds the reason in the log of the server.',
    cause,
  });
}

/**
 * Group commit: rows that arrive while a commit is under way share the next one, so that a row is never older than two
 * commits and the disk is asked once for many. Both kinds of row are durable when their promise resolves.
 * `stop` writes what waits; rows that come later are refused.
 */
export function createAuditLog({
  rows,
  log,
  capacity = CAPACITY,
}: {
  rows: AuditStore;
  log: Logger;
  capacity?: number;
}): AuditLog & Service {
  const waiting: Entry[] = [];
  let writing: Promise<void> | undefined;
  let stopped = false;

  async function commit(batch: readonly Entry[]): Promise<void> {
    try {
      await rows.insertAudit(batch.map((entry) => entry.row));
      for (const entry of batch) entry.resolve();
    } catch (cause) {
      log.error({ err: cause, rows: batch.length }, 'audit rows could not be written');
      const error = auditUnavailable(cause);
      for (const entry of batch) entry.reject(error);
    }
  }

  async function drain(): Promise<void> {
    // Once around the queue of microtasks: calls of the same moment go together.
    await Promise.resolve();
    while (waiting.length > 0) await commit(waiting.splice(0, BATCH));
    writing = undefined;
  }

  function append(row: AuditRow): Promise<void> {
    if (stopped) return Promise.reject(auditUnavailable(new Error('the audit log has been stopped')));
    if (waiting.length >= capacity) {
      return Promise.reject(auditUnavailable(new Error(`${capacity} audit rows wait for the store`)));
    }
    return new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      writing ??= drain();
    });
  }

  return {
    record: append,
    recordGrouped: append,
    start: () => Promise.resolve(),
    async stop() {
      stopped = true;
      await writing;
    },
  };
}
