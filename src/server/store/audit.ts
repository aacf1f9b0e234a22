import type { Kysely, Selectable } from 'kysely';
import type { AuditRow, AuditStore } from '../../core/audit.ts';
import type { Databases } from './databases.ts';
import type { AuditTable, Schema } from './schema.ts';

/** 14 columns each; a statement takes 32,766 parameters in SQLite and 65,535 in PostgreSQL. */
const ROWS_PER_STATEMENT = 500;

function toRow(row: AuditRow) {
  return {
    request_id: row.requestId,
    at: row.at,
    action: row.action,
    principal: row.principal,
    account_id: row.accountId,
    session_id: row.sessionId,
    address: row.address,
    user_agent: row.userAgent,
    object: row.object,
    asked_right: row.right,
    decision: row.decision,
    reason: row.reason,
    bundle: row.bundle,
  };
}

function toAudit(row: Selectable<AuditTable>): AuditRow {
  return {
    requestId: row.request_id,
    at: row.at,
    action: row.action,
    principal: row.principal,
    accountId: row.account_id,
    sessionId: row.session_id,
    address: row.address,
    userAgent: row.user_agent,
    object: row.object,
    right: row.asked_right,
    decision: row.decision as AuditRow['decision'],
    reason: row.reason,
    bundle: row.bundle,
  };
}

/** `db` may be a transaction. */
export async function appendAudit(db: Kysely<Schema>, rows: readonly AuditRow[]): Promise<void> {
  // One row a call: the first one stands.
  await db
    .insertInto('audit')
    .values(rows.map(toRow))
    .onConflict((conflict) => conflict.column('request_id').doNothing())
    .execute();
}

export function createAuditStore({ reader, writer }: Databases): AuditStore {
  return {
    async insertAudit(rows) {
      if (rows.length === 0) return;
      // One statement is a transaction of its own, without the trips for begin and commit.
      if (rows.length <= ROWS_PER_STATEMENT) return appendAudit(writer, rows);
      await writer.transaction().execute(async (trx) => {
        for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
          await appendAudit(trx, rows.slice(from, from + ROWS_PER_STATEMENT));
        }
      });
    },

    async auditRows(limit) {
      const rows = await reader.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit).execute();
      return rows.map(toAudit);
    },
  };
}
