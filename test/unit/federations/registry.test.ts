import { describe, expect, test } from '@jest/globals';
import type { Federation, FederationStore } from '../../../src/core/federations.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { ensureDefault } from '../../../src/server/federations/default.ts';
import { createFederations } from '../../../src/server/federations/index.ts';
import { makeFederation } from '../../support/store-rows.ts';

/** Rows in memory; a test counts reads, holds one back after it has seen the rows, or lets it fail. */
function openRows(first: readonly Federation[] = []) {
  const rows = new Map(first.map((row) => [row.id, row]));
  const state = { reads: 0, held: undefined as Promise<void> | undefined, failure: undefined as unknown };
  const store: FederationStore = {
    async insertFederation(row) {
      if (rows.has(row.id)) return false;
      rows.set(row.id, row);
      return true;
    },
    async federations() {
      state.reads += 1;
      const seen = [...rows.values()];
      const { held } = state;
      state.held = undefined;
      await held;
      if (state.failure) throw state.failure;
      return seen;
    },
    async updateFederation(id, change) {
      const standing = rows.get(id);
      if (!standing) return undefined;
      rows.set(id, { ...standing, ...change });
      return rows.get(id);
    },
  };
  const clock = { time: 5_000, now: () => clock.time, monotonic: () => clock.time };
  return { rows, state, store, clock, registry: createFederations({ store, clock }) };
}

const idsOf = (federations: readonly Federation[]) => federations.map(({ id }) => id);

describe('the federations in memory', () => {
  const [one, two] = [makeFederation({ id: '@a/one' }), makeFederation({ id: '@a/two' })];

  test('many calls at once, and all within half a second, share one read', async () => {
    const { registry, state, clock } = openRows([one]);
    await Promise.all(Array.from({ length: 50 }, () => registry.all()));
    clock.time += 499;
    expect(await registry.find(one.id)).toEqual(one);
    expect(state.reads).toBe(1);
  });

  test('what another process changes shows after 1 s at most, and nobody waits for it under load', async () => {
    const { registry, rows, state, clock } = openRows([one]);
    await registry.all();
    rows.set(two.id, two);
    const { promise, resolve } = Promise.withResolvers<void>();
    state.held = promise;
    clock.time += 600;
    // Answered from memory, while the read is held.
    expect(idsOf(await registry.all())).toEqual([one.id]);
    expect(state.reads).toBe(2);
    resolve();
    await new Promise((done) => setImmediate(done));
    expect(idsOf(await registry.all())).toEqual([one.id, two.id]);
    rows.delete(two.id);
    clock.time += 1000;
    expect(idsOf(await registry.all())).toEqual([one.id]);
  });

  test('the store is asked once more before an id is unknown', async () => {
    const { registry, rows, state } = openRows([one]);
    await registry.all();
    rows.set(two.id, two);
    expect(await registry.find(two.id)).toEqual(two);
    expect(state.reads).toBe(2);
    expect(await registry.find('@a/three')).toBeUndefined();
  });

  test('an own change shows at once, also past a read that began before it', async () => {
    const { registry, state, clock } = openRows([one]);
    await registry.all();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.held = promise;
    clock.time += 1000;
    const slow = registry.all();
    await registry.create(two);
    await registry.change(one.id, { archivedAt: 7 });
    resolve();
    expect(await slow).toEqual([{ ...one, archivedAt: 7 }, two]);
    expect(await registry.all()).toEqual([{ ...one, archivedAt: 7 }, two]);
  });

  test('a name is taken once; what is not there can not be changed', async () => {
    const { registry } = openRows([one]);
    await expect(registry.create(one)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', reason: 'FEDERATION_EXISTS' });
    const change = registry.change('@a/none', { archivedAt: 1 });
    await expect(change).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'FEDERATION_NOT_FOUND' });
  });

  test('fail closed: rows that are too old are not shown while the store is away', async () => {
    const { registry, state, clock } = openRows([one]);
    await registry.all();
    state.failure = new Error('away');
    clock.time += 700;
    expect(idsOf(await registry.all())).toEqual([one.id]);
    clock.time += 700;
    await expect(registry.all()).rejects.toThrow('away');
    state.failure = undefined;
    expect(idsOf(await registry.all())).toEqual([one.id]);
  });
});

describe('the default federation', () => {
  const ensure = ({ store, clock }: ReturnType<typeof openRows>, engine: string) =>
    ensureDefault({ store, id: '@lab/default', engine, clock, log: silentLogger });

  test('is made once, and follows its engine when that is renamed', async () => {
    const all = openRows();
    await ensure(all, 'first');
    all.clock.time += 5;
    await ensure(all, 'first');
    const made = { id: '@lab/default', engine: 'first', createdAt: 5_000, createdBy: '', archivedAt: undefined };
    expect([...all.rows.values()]).toMatchObject([made]);
    await all.registry.change('@lab/default', { simulationConfig: { verbose: true } });
    await ensure(all, 'second');
    expect([...all.rows.values()]).toMatchObject([{ ...made, engine: 'second', simulationConfig: { verbose: true } }]);
  });
});
