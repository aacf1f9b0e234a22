import type { Transaction } from 'kysely';
import type { GrantIndex, RunGrantChange } from '../../core/access.ts';
import type { RunId } from '../../core/ids.ts';
import type { Databases } from './databases.ts';
import { readMeta, writeMeta } from './meta.ts';
import type { Schema } from './schema.ts';

const POSITION = 'run-grants-position';

async function writeGrant(trx: Transaction<Schema>, change: RunGrantChange): Promise<void> {
  const run = await trx
    .selectFrom('run')
    .select(['key', 'created_at'])
    .where('id', '=', String(change.run))
    .orderBy('created_at')
    .executeTakeFirst();
  const values = { until: change.until ?? null, run_key: run?.key ?? null, run_created_at: run?.created_at ?? null };
  await trx
    .insertInto('run_grant')
    .values({ principal: change.principal, run_id: String(change.run), role: change.role, ...values })
    .onConflict((conflict) => conflict.columns(['run_id', 'principal', 'role']).doUpdateSet(values))
    .execute();
}

async function deleteGrant(trx: Transaction<Schema>, change: RunGrantChange): Promise<void> {
  await trx
    .deleteFrom('run_grant')
    .where('run_id', '=', String(change.run))
    .where('principal', '=', change.principal)
    .where('role', '=', change.role)
    .execute();
}

/** A grant may be known before its run is (tuples written by hand): to be called when a run gets its id. */
export async function linkGrants(
  trx: Transaction<Schema>,
  run: { id: RunId; key: string; createdAt: number },
): Promise<void> {
  await trx
    .updateTable('run_grant')
    .set({ run_key: run.key, run_created_at: run.createdAt })
    .where('run_id', '=', String(run.id))
    .execute();
}

export function createGrantIndex({ reader, writer }: Databases): GrantIndex {
  return {
    applyRunGrants: (changes, position) =>
      writer.transaction().execute(async (trx) => {
        for (const change of changes) await (change.op === 'write' ? writeGrant : deleteGrant)(trx, change);
        await writeMeta(trx, POSITION, position);
      }),

    position: () => readMeta(reader, POSITION),

    /** Grants that have ended count too: such runs are merely checked. */
    async grantedRuns(runs) {
      if (runs.length === 0) return new Set();
      const rows = await reader
        .selectFrom('run_grant')
        .select('run_id')
        .distinct()
        .where('run_id', 'in', runs.map(String))
        .execute();
      return new Set(rows.map((row) => BigInt(row.run_id)));
    },

    clear: () =>
      writer.transaction().execute(async (trx) => {
        await trx.deleteFrom('run_grant').execute();
        await trx.deleteFrom('meta').where('name', '=', POSITION).execute();
      }),
  };
}
