import type { BundleStore } from '../../core/runs.ts';
import type { Databases } from './databases.ts';

export function createBundleStore({ reader, writer }: Databases): BundleStore {
  return {
    async putBundle(sha256, content, now) {
      // Touched anew each time: a sweep must not take a bundle whose next run is about to be inserted.
      await writer
        .insertInto('bundle')
        .values({ sha256, content, touched_at: now })
        .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ touched_at: now }))
        .execute();
    },

    async bundle(sha256) {
      const row = await reader.selectFrom('bundle').select('content').where('sha256', '=', sha256).executeTakeFirst();
      return row?.content;
    },

    async sweepBundles(before) {
      const { numDeletedRows } = await writer
        .deleteFrom('bundle')
        .where('touched_at', '<', before)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('run')
                .select('run.key')
                .whereRef('run.bundle_sha256', '=', 'bundle.sha256')
                .where('run.created_at', '>=', before),
            ),
          ),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}
