import type { Transaction } from 'kysely';
import type { CompletedRenewal, RenewalStore } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { Schema } from './schema.ts';

/** False where the lease is another's by now, or the session has ended or moved on. */
async function advanceSession(trx: Transaction<Schema>, renewal: CompletedRenewal): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('session')
    .set((eb) => ({
      generation: renewal.generation,
      renewed_at: renewal.now,
      ends_at: eb
        .case()
        .when('expires_at', '<', eb('idle_ms', '+', renewal.now))
        .then(eb.ref('expires_at'))
        .else(eb('idle_ms', '+', renewal.now))
        .end(),
      sealed_pair: renewal.sealedPair,
      sealed_provider_token: renewal.sealedProviderToken ?? null,
      sealed_provider_access: renewal.sealedProviderAccess ?? null,
      ...(renewal.sealedIdToken === undefined ? {} : { sealed_id_token: renewal.sealedIdToken }),
      groups: JSON.stringify(renewal.groups),
      lease_holder: null,
      lease_until: null,
    }))
    .where('id', '=', renewal.id)
    .where('lease_holder', '=', renewal.holder)
    .where('generation', '=', renewal.generation - 1)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

async function replaceRefreshToken(trx: Transaction<Schema>, renewal: CompletedRenewal): Promise<void> {
  await trx
    .updateTable('refresh_token')
    .set({ superseded_at: renewal.now })
    .where('session_id', '=', renewal.id)
    .where('superseded_at', 'is', null)
    .execute();
  await trx
    .insertInto('refresh_token')
    .values({
      hash: renewal.refreshHash,
      session_id: renewal.id,
      generation: renewal.generation,
      superseded_at: null,
    })
    .execute();
}

/** The lease is two columns of the session: taking it is one conditional update. */
export function createRenewalStore({ writer }: Databases): RenewalStore {
  return {
    async acquireRenewal(id, generation, holder, until, now) {
      const { numUpdatedRows } = await writer
        .updateTable('session')
        .set({ lease_holder: holder, lease_until: until })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('revoked_at', 'is', null)
        .where('ends_at', '>', now)
        .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    completeRenewal: (renewal) =>
      writer.transaction().execute(async (trx) => {
        if (!(await advanceSession(trx, renewal))) return false;
        await replaceRefreshToken(trx, renewal);
        return true;
      }),

    async releaseRenewal(id, holder) {
      await writer
        .updateTable('session')
        .set({ lease_holder: null, lease_until: null })
        .where('id', '=', id)
        .where('lease_holder', '=', holder)
        .execute();
    },
  };
}
