import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Run, RunFilter } from '../../../src/core/runs.ts';
import type { Store } from '../../../src/server/store/index.ts';
import { NOW, nextRunId, storeRun } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

/** Ids of one test's own owner, federation and principal, so that tests do not meet. */
function names() {
  const tag = randomUUID().slice(0, 8);
  return { owner: `account-${tag}`, federation: `@lab/${tag}`, principal: `user:example|${tag}` };
}

async function share(store: Store, run: Run, principal: string, until?: number, role = 'viewer'): Promise<void> {
  const change = { op: 'write', principal, run: run.id ?? 0n, role, until } as const;
  await store.applyRunGrants([change], randomUUID());
}

const keysOf = async (store: Store, filter: RunFilter, limit = 100) =>
  (await store.listRuns(filter, limit)).map((run) => run.key);

export function describeRunList(context: () => StoreContext): void {
  test('whole rows, newest first, the key deciding between equal times', async () => {
    const { store } = context();
    const { owner } = names();
    const run = (key: string, createdAt: number) => storeRun(store, { ownerAccountId: owner, key, createdAt });
    const [b, a, c] = [await run(`${owner}-b`, 2), await run(`${owner}-a`, 2), await run(`${owner}-c`, 1)];
    expect(await store.listRuns({ ownerAccountId: owner }, 10)).toEqual([b, a, c]);
  });

  test('nothing is asked for, nothing is found', async () => {
    const { store } = context();
    await storeRun(store);
    expect(await keysOf(store, {})).toEqual([]);
    expect(await keysOf(store, { federations: [], sharedWith: [] })).toEqual([]);
    expect(await keysOf(store, { idPrefix: '4' })).toEqual([]);
  });

  test('own runs, runs of federations and shared ones are joined, each run once', async () => {
    const { store } = context();
    const { owner, federation, principal } = names();
    const both = await storeRun(store, { ownerAccountId: owner, federation, createdAt: 1 });
    const own = await storeRun(store, { ownerAccountId: owner, createdAt: 2 });
    const visible = await storeRun(store, { federation, createdAt: 3 });
    const shared = await storeRun(store, { createdAt: 4 });
    await storeRun(store, { createdAt: 5 });
    for (const run of [both, own, shared]) await share(store, run, principal);
    await share(store, shared, principal, undefined, 'operator');
    const filter = { ownerAccountId: owner, federations: [federation], sharedWith: [principal, 'group:local|x'] };
    expect(await keysOf(store, filter)).toEqual([shared.key, visible.key, own.key, both.key]);
    expect(await keysOf(store, filter, 2)).toEqual([shared.key, visible.key]);
    expect(await keysOf(store, { sharedWith: [principal] }, 2)).toEqual([shared.key, own.key]);
  });

  test('runs shared with any local group are found when asked for: who is a member the check decides', async () => {
    const { store } = context();
    const { owner, principal } = names();
    const local = await storeRun(store, { createdAt: 9e15 });
    const claimed = await storeRun(store, { createdAt: 9e15 });
    await share(store, local, `group:local|${owner}`);
    await share(store, claimed, `group:claim|idp|${owner}`);
    const filter = { sharedWith: [principal], sharedWithLocalGroups: true };
    expect(await keysOf(store, filter)).toEqual([local.key]);
    expect(await keysOf(store, { ...filter, idPrefix: `${local.id}` })).toEqual([local.key]);
    expect(await keysOf(store, { sharedWith: [principal] })).toEqual([]);
  });

  test('two roles on a run do not crowd out another', async () => {
    const { store } = context();
    const { principal } = names();
    const [older, newer] = [await storeRun(store, { createdAt: 1 }), await storeRun(store, { createdAt: 2 })];
    for (const role of ['viewer', 'operator']) await share(store, newer, principal, undefined, role);
    await share(store, older, principal);
    expect(await keysOf(store, { sharedWith: [principal] }, 2)).toEqual([newer.key, older.key]);
  });

  test('a share ends with its time, and with its deletion', async () => {
    const { store, clock } = context();
    const { principal } = names();
    const run = await storeRun(store);
    const filter = { sharedWith: [principal] };
    await share(store, run, principal, clock.time + 1000);
    expect(await keysOf(store, filter)).toEqual([run.key]);
    expect(await keysOf(store, { ...filter, idPrefix: `${run.id}` })).toEqual([run.key]);
    clock.time += 1000;
    expect(await keysOf(store, filter)).toEqual([]);
    expect(await keysOf(store, { ...filter, idPrefix: `${run.id}` })).toEqual([]);
    await share(store, run, principal);
    expect(await keysOf(store, filter)).toEqual([run.key]);
    await store.applyRunGrants(
      [{ op: 'delete', principal, run: run.id ?? 0n, role: 'viewer', until: undefined }],
      'position',
    );
    expect(await keysOf(store, filter)).toEqual([]);
  });

  test('a share that is known before its run counts once the run has its id', async () => {
    const { store } = context();
    const { principal } = names();
    const [inserted, updated] = [nextRunId(), nextRunId()];
    for (const run of [inserted, updated]) {
      await store.applyRunGrants([{ op: 'write', principal, run, role: 'viewer', until: undefined }], 'position');
    }
    const first = await storeRun(store, { id: inserted, createdAt: 1 });
    const second = await storeRun(store, { id: undefined, createdAt: 2 });
    expect(await keysOf(store, { sharedWith: [principal] })).toEqual([first.key]);
    await store.updateRun(second.key, { id: updated });
    expect(await keysOf(store, { sharedWith: [principal] })).toEqual([second.key, first.key]);
  });

  test('I2: rows without an id and quarantined ones are for admins', async () => {
    const { store } = context();
    const { owner, federation, principal } = names();
    const fields = { ownerAccountId: owner, federation };
    const noId = await storeRun(store, { ...fields, id: undefined, createdAt: 3 });
    const quarantined = await storeRun(store, { ...fields, quarantined: true, createdAt: 2 });
    const plain = await storeRun(store, { ...fields, createdAt: 1 });
    await share(store, quarantined, principal);
    const filter = { ownerAccountId: owner, federations: [federation], sharedWith: [principal] };
    expect(await keysOf(store, filter)).toEqual([plain.key]);
    expect(await keysOf(store, { ...filter, idPrefix: `${quarantined.id}` })).toEqual([]);
    expect(await keysOf(store, { all: true, federation })).toEqual([noId.key, quarantined.key, plain.key]);
    expect(await keysOf(store, { all: true, idPrefix: `${quarantined.id}` })).toEqual([quarantined.key]);
  });

  test('a federation narrows what may be seen', async () => {
    const { store } = context();
    const [here, there] = [names(), names()];
    const { owner, principal } = here;
    const own = await storeRun(store, { ownerAccountId: owner, federation: here.federation, createdAt: 1 });
    const shared = await storeRun(store, { federation: here.federation, createdAt: 2 });
    const other = await storeRun(store, { ownerAccountId: owner, federation: there.federation });
    for (const run of [shared, other]) await share(store, run, principal);
    const filter = { ownerAccountId: owner, federations: [there.federation], sharedWith: [principal] };
    expect(await keysOf(store, { ...filter, federation: here.federation })).toEqual([shared.key, own.key]);
    expect(await keysOf(store, { ...filter, federation: there.federation })).toEqual([other.key]);
    expect(await keysOf(store, { federations: [there.federation], federation: here.federation })).toEqual([]);
  });

  test('a prefix of the id narrows what may be seen', async () => {
    const { store } = context();
    const { owner } = names();
    const fields = { ownerAccountId: owner };
    const long = await storeRun(store, { ...fields, id: 9_123_456_789n, createdAt: 1 });
    const short = await storeRun(store, { ...fields, id: 912_345n, createdAt: 2 });
    await storeRun(store, { ...fields, id: 912_344n });
    await storeRun(store, { ...fields, id: 912_346n });
    const foreign = await storeRun(store, { id: 9_123_459n });
    const filter = { ...fields, idPrefix: '912345' };
    expect(await keysOf(store, filter)).toEqual([short.key, long.key]);
    expect(await keysOf(store, filter, 1)).toEqual([short.key]);
    expect(await keysOf(store, { federations: [foreign.federation], idPrefix: '9123459' })).toEqual([foreign.key]);
    expect(await keysOf(store, { ...filter, federation: '@lab/elsewhere' })).toEqual([]);
  });

  test('more federations than fit in one query', async () => {
    const { store } = context();
    const federations = Array.from({ length: 450 }, () => names().federation);
    const runs: Run[] = [];
    for (const index of [0, 199, 200, 449]) {
      runs.unshift(await storeRun(store, { federation: federations[index] ?? '', createdAt: index }));
    }
    expect(await keysOf(store, { federations })).toEqual(runs.map((run) => run.key));
  });

  describe('pages', () => {
    test('any page size walks over every run once, in order', async () => {
      const { store } = context();
      const { owner, federation, principal } = names();
      for (let count = 0; count < 24; count += 1) {
        const mine = count % 3 === 0 ? { ownerAccountId: owner } : count % 3 === 1 ? { federation } : {};
        const run = await storeRun(store, { ...mine, createdAt: NOW + Math.floor(count / 4) });
        if (count % 3 === 2) await share(store, run, principal);
      }
      const filter = { ownerAccountId: owner, federations: [federation], sharedWith: [principal] };
      const everything = await keysOf(store, filter);
      expect(everything).toHaveLength(24);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (size) => {
          const walked: string[] = [];
          for (let last: Run | undefined; ; ) {
            const page = await store.listRuns(filter, size, last);
            walked.push(...page.map((run) => run.key));
            last = page.at(-1);
            if (page.length < size) break;
          }
          expect(walked).toEqual(everything);
        }),
        { numRuns: 12 },
      );
    });

    test('a run that is newer than the cursor does not come up', async () => {
      const { store } = context();
      const { owner } = names();
      const old = await storeRun(store, { ownerAccountId: owner, createdAt: 1 });
      const cursor = await storeRun(store, { ownerAccountId: owner, createdAt: 2 });
      await storeRun(store, { ownerAccountId: owner, createdAt: 3 });
      const page = await store.listRuns({ ownerAccountId: owner }, 10, cursor);
      expect(page.map((run) => run.key)).toEqual([old.key]);
      const prefixed = await store.listRuns({ ownerAccountId: owner, idPrefix: '4' }, 10, cursor);
      expect(prefixed.map((run) => run.key)).toEqual([old.key]);
    });
  });
}
