import type { OnceStore } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';

export function createOnceStore({ writer }: Databases): OnceStore {
  return {
    async claimOnce(key, expiresAt, now) {
      return writer.transaction().execute(async (trx) => {
        await trx.deleteFrom('once').where('expires_at', '<=', now).execute();
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('once')
          .values({ key, expires_at: expiresAt })
          .onConflict((conflict) => conflict.column('key').doNothing())
          .executeTakeFirstOrThrow();
        return numInsertedOrUpdatedRows === 1n;
      });
    },

    async takeOnce(key, now) {
      const { numDeletedRows } = await writer
        .deleteFrom('once')
        .where('key', '=', key)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow();
      return numDeletedRows === 1n;
    },
  };
}
