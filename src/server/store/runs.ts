import { sql, type Transaction } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { isFinal, type Run, type RunStatus, type RunStore, type RunUpdate } from '../../core/runs.ts';
import { appendAudit } from './audit.ts';
import type { Databases } from './databases.ts';
import { linkGrants } from './grants.ts';
import { createKnownRuns } from './known-runs.ts';
import { listRuns } from './run-list.ts';
import { advance, toRow, toRun } from './run-rows.ts';
import type { Schema } from './schema.ts';

async function runOfRequest(trx: Transaction<Schema>, run: Run): Promise<Run | undefined> {
  if (run.requestId === '') return undefined;
  const row = await trx
    .selectFrom('run')
    .selectAll()
    .where('owner_account_id', '=', run.ownerAccountId)
    .where('request_id', '=', run.requestId)
    .executeTakeFirst();
  return row && toRun(row);
}

/** Says clearly what a unique index of the table enforces. */
async function refuseSecondSubmit(trx: Transaction<Schema>, run: Run): Promise<void> {
  if (run.status !== 'submitting') return;
  const other = await trx
    .selectFrom('run')
    .select('key')
    .where('engine', '=', run.engine)
    .where('bundle_sha256', '=', run.bundleSha256)
    // Literal, so that the partial index is found.
    .where(sql<boolean>`status = 'submitting'`)
    .executeTakeFirst();
  if (other === undefined) return;
  throw new AppError('ABORTED', 'SUBMIT_IN_FLIGHT', 'The same bundle is being submitted to this engine right now.');
}

/** Whatever was judged before: of an archiving and a submit at the same time, one is first. */
async function refuseArchived(trx: Transaction<Schema>, { federation: id, status }: Run): Promise<void> {
  if (status !== 'submitting') return;
  const row = await trx.selectFrom('federation').select('archived_at').where('id', '=', id).executeTakeFirst();
  if (row === undefined || row.archived_at === null) return;
  throw new AppError('FAILED_PRECONDITION', 'FEDERATION_ARCHIVED', `The federation ${id} is archived.`);
}

/** Also of another engine: rights, shared runs and folders of files go by the id alone. */
async function refuseTakenId(trx: Transaction<Schema>, id: RunId | undefined): Promise<void> {
  if (id === undefined) return;
  const other = await trx.selectFrom('run').select('key').where('id', '=', String(id)).executeTakeFirst();
  if (other !== undefined) throw idTaken();
}

async function link(trx: Transaction<Schema>, run: Run): Promise<void> {
  if (run.id !== undefined) await linkGrants(trx, { id: run.id, key: run.key, createdAt: run.createdAt });
}

async function update(trx: Transaction<Schema>, key: string, change: RunUpdate): Promise<Run> {
  const row = await trx.selectFrom('run').selectAll().where('key', '=', key).executeTakeFirst();
  if (row === undefined) throw new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no such run.');
  // A run that was given up takes no id, whosever it is.
  if (row.id === null && !isFinal(row.status as RunStatus)) await refuseTakenId(trx, change.id);
  const log = await trx.selectFrom('run_log').select('drained').where('run_key', '=', key).executeTakeFirst();
  const changed = await trx
    .updateTable('run')
    .set(advance(row, change, log?.drained === 1))
    .where('key', '=', key)
    // The status that was judged: where transactions see each other's commits, the later one must look again.
    .where('status', '=', row.status)
    .returningAll()
    .executeTakeFirst();
  if (changed === undefined) return update(trx, key, change);
  const run = toRun(changed);
  if (row.id === null) await link(trx, run);
  return run;
}

/** The engine gave an id that another of our rows bears. */
function explainConflict(error: unknown): unknown {
  if (!isAppError(error) || error.reason !== 'STORE_CONFLICT') return error;
  return idTaken(error);
}

function idTaken(cause?: unknown): AppError {
  return new AppError('ALREADY_EXISTS', 'RUN_ID_TAKEN', 'Another run has this id already.', { cause });
}

/**
 * @throws NOT_FOUND RUN_NOT_FOUND (`updateRun`), ALREADY_EXISTS RUN_ID_TAKEN where the engine's id or the key stands
 * already, ABORTED SUBMIT_IN_FLIGHT (`insertRun`) while the engine is being given the same bundle, FAILED_PRECONDITION
 * FEDERATION_ARCHIVED (`insertRun` of a submit)
 */
export function createRunStore({ reader, writer }: Databases, clock: Clock): RunStore {
  const known = createKnownRuns();
  const transact = <T>(work: (trx: Transaction<Schema>) => Promise<T>) =>
    writer
      .transaction()
      .execute(work)
      .catch((error: unknown) => {
        throw explainConflict(error);
      });

  return {
    insertRun: (run, audit) =>
      transact(async (trx) => {
        const standing = await runOfRequest(trx, run);
        if (standing !== undefined) return { run: standing, existing: true };
        await refuseArchived(trx, run);
        await refuseSecondSubmit(trx, run);
        await trx.insertInto('run').values(toRow(run)).execute();
        await link(trx, run);
        await appendAudit(trx, [audit]);
        return { run, existing: false };
      }),

    async runByKey(key) {
      const row = await reader.selectFrom('run').selectAll().where('key', '=', key).executeTakeFirst();
      return row && toRun(row);
    },

    /** Of two engines that gave the same id: the older run. */
    async runById(id) {
      const row = await reader
        .selectFrom('run')
        .selectAll()
        .where('id', '=', String(id))
        .orderBy('created_at')
        .executeTakeFirst();
      return row && toRun(row);
    },

    listRuns: (filter, limit, before) => listRuns({ db: reader, filter, limit, before, now: clock.now(), known }),

    updateRun: (key, change) => transact((trx) => update(trx, key, change)),

    async openRuns(engine) {
      const rows = await reader
        .selectFrom('run')
        .selectAll()
        .where('engine', '=', engine)
        // Literal, so that the partial index is found.
        .where((eb) => eb('is_open', '=', eb.lit(1)))
        .orderBy('created_at')
        .execute();
      return rows.map(toRun);
    },
  };
}
