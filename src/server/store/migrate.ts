import { type Kysely, sql, type Transaction } from 'kysely';
import { AppError } from '../../core/errors.ts';
import type { ColumnTypes, Databases } from './databases.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';
import type { Schema } from './schema.ts';

const VERSION_TABLE =
  'create table if not exists schema_version (version integer primary key, name text not null, applied_at bigint not null)';

async function currentVersion(db: Kysely<Schema>): Promise<number> {
  const row = await db
    .selectFrom('schema_version')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}

async function hasVersionTable(db: Kysely<Schema>): Promise<boolean> {
  const tables = await db.introspection.getTables();
  return tables.some((table) => table.name === 'schema_version');
}

async function apply(
  trx: Transaction<Schema>,
  { migration, version, types, now }: { migration: Migration; version: number; types: ColumnTypes; now: number },
): Promise<void> {
  for (const statement of migration.statements(types)) await sql.raw(statement).execute(trx);
  await trx.insertInto('schema_version').values({ version, name: migration.name, applied_at: now }).execute();
}

/**
 * Brings the database to the newest schema, in one transaction: of two processes that start at once the second waits
 * and finds nothing to do. A database that is current is not written to.
 * @throws FAILED_PRECONDITION STORE_TOO_NEW
 */
export async function migrate(
  { reader, writer, types }: Databases,
  { now, migrations = MIGRATIONS }: { now: number; migrations?: readonly Migration[] },
): Promise<void> {
  const standing = (await hasVersionTable(reader)) ? await currentVersion(reader) : 0;
  refuseNewer(standing, migrations);
  if (standing === migrations.length) return;
  await writer.transaction().execute(async (trx) => {
    await sql.raw(VERSION_TABLE).execute(trx);
    const from = await currentVersion(trx);
    refuseNewer(from, migrations);
    for (const [index, migration] of migrations.entries()) {
      if (index >= from) await apply(trx, { migration, version: index + 1, types, now });
    }
  });
}

function refuseNewer(version: number, migrations: readonly Migration[]): void {
  if (version <= migrations.length) return;
  throw new AppError(
    'FAILED_PRECONDITION',
    'STORE_TOO_NEW',
    `The database has schema version ${version}, this program knows versions up to ${migrations.length}.`,
    { hint: 'Install the newer version of fedctl that wrote it, or restore a backup made before the upgrade.' },
  );
}
