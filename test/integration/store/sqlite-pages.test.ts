import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { storeRun } from '../../support/store-rows.ts';

const RUNS = 6000;

/** Copies of one run, made behind the store's back because that is quick: ids 7000000 and up, every third shared. */
function multiply(path: string, key: string): void {
  const db = new DatabaseSync(path);
  const { names } = db
    .prepare(
      "select group_concat(name) names from pragma_table_info('run') where name not in ('key', 'id', 'created_at', 'request_id')",
    )
    .get() as { names: string };
  db.exec(`with recursive n (i) as (select 0 union all select i + 1 from n where i < ${RUNS - 1})
    insert into run (key, id, created_at, ${names})
    select printf('key-%05d', (i * 7) % ${RUNS}), 7000000 + i, i / 3, ${names} from n, run where run.key = '${key}'`);
  db.exec(`insert into run_grant (principal, run_id, role, run_key, run_created_at)
    select 'user:example|friend', id, 'viewer', key, created_at from run where key like 'key-%' and cast(id as integer) % 3 = 0`);
  db.close();
}

describe('pages of many runs', () => {
  let temp: TempStore;
  beforeAll(async () => {
    temp = await openTempStore();
    const { key } = await storeRun(temp.store, {
      ownerAccountId: 'many',
      federation: '@lab/many',
      id: 1n,
      createdAt: 0,
    });
    multiply(temp.path, key);
  });
  afterAll(() => temp.cleanup());

  test.each([
    ['that thousands share', '70'],
    ['that a thousand share', '7004'],
    ['that ten share', '700123'],
    ['of one run', '7001234'],
    ['of none', '71'],
  ])('a prefix %s finds the same as looking at every run', async (_name, idPrefix) => {
    const { store } = temp;
    const everything = await store.listRuns({ all: true }, 2 * RUNS);
    expect(everything).toHaveLength(RUNS + 1);
    const wanted = everything.filter((run) => `${run.id}`.startsWith(idPrefix));
    const filters = [
      { all: true },
      { ownerAccountId: 'many' },
      { federations: ['@lab/many'], federation: '@lab/many' },
    ];
    for (const filter of filters) {
      expect(await store.listRuns({ ...filter, idPrefix }, 50)).toEqual(wanted.slice(0, 50));
      const last = wanted[49];
      if (last !== undefined) {
        expect(await store.listRuns({ ...filter, idPrefix }, 50, last)).toEqual(wanted.slice(50, 100));
      }
    }
    const shared = wanted.filter((run) => (run.id ?? 0n) % 3n === 0n);
    expect(await store.listRuns({ sharedWith: ['user:example|friend'], idPrefix }, 50)).toEqual(shared.slice(0, 50));
    expect(await store.listRuns({ ownerAccountId: 'nobody', idPrefix }, 50)).toEqual([]);
  });
});
