import type { Selectable, Transaction } from 'kysely';
import type { KeyStore, SigningKey } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { KeyTable, Schema } from './schema.ts';

function toKey(row: Selectable<KeyTable>): SigningKey {
  return {
    kid: row.kid,
    alg: row.alg as SigningKey['alg'],
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk,
    createdAt: row.created_at,
    retiredAt: row.retired_at ?? undefined,
  };
}

function toRow(key: SigningKey): KeyTable {
  return {
    kid: key.kid,
    alg: key.alg,
    public_jwk: key.publicJwk,
    sealed_private_jwk: key.sealedPrivateJwk,
    created_at: key.createdAt,
    retired_at: key.retiredAt ?? null,
  };
}

async function currentKid(trx: Transaction<Schema>): Promise<string | undefined> {
  const row = await trx
    .selectFrom('signing_key')
    .select('kid')
    .where('retired_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('kid', 'desc')
    .executeTakeFirst();
  return row?.kid;
}

export function createKeyStore({ reader, writer }: Databases): KeyStore {
  return {
    /** Newest first. */
    async signingKeys() {
      const rows = await reader
        .selectFrom('signing_key')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('kid', 'desc')
        .execute();
      return rows.map(toKey);
    },

    rotateSigningKey: (key, ifNewestIs, now) =>
      writer.transaction().execute(async (trx) => {
        const current = await currentKid(trx);
        if (current !== undefined && current !== ifNewestIs) return false;
        await trx.updateTable('signing_key').set({ retired_at: now }).where('retired_at', 'is', null).execute();
        await trx.insertInto('signing_key').values(toRow(key)).execute();
        return true;
      }),

    async deleteSigningKeys(retiredBefore) {
      const { numDeletedRows } = await writer
        .deleteFrom('signing_key')
        .where('retired_at', '<', retiredBefore)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}
