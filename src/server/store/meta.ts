import type { Kysely } from 'kysely';
import type { MetaStore } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { Schema } from './schema.ts';

export async function readMeta(db: Kysely<Schema>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

/** `db` may be a transaction. */
export async function writeMeta(db: Kysely<Schema>, name: string, value: string): Promise<void> {
  await db
    .insertInto('meta')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

export function createMetaStore({ reader, writer }: Databases): MetaStore {
  return {
    meta: (name) => readMeta(reader, name),
    setMeta: (name, value) => writeMeta(writer, name, value),

    async initMeta(name, value) {
      await writer
        .insertInto('meta')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute();
      return (await readMeta(reader, name)) ?? value;
    },
  };
}
