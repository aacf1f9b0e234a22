import { expect, test } from '@jest/globals';
import { makeAudit } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

export function describeAudit(context: () => StoreContext): void {
  test('rows come back as they were stored, newest first', async () => {
    const { store, replica } = context();
    const [a, b, c] = [makeAudit(), makeAudit({ decision: 'deny', reason: 'NOT_PERMITTED' }), makeAudit({ at: 1 })];
    await store.insertAudit([a, b]);
    await replica.insertAudit([c]);
    await store.insertAudit([]);
    expect(await store.auditRows(3)).toEqual([c, b, a]);
    expect(await store.auditRows(1)).toEqual([c]);
  });

  test('AU-01: one row a call: of several with one request id the first stands', async () => {
    const { store, replica } = context();
    const first = makeAudit();
    await store.insertAudit([first]);
    const second = { ...first, decision: 'error' as const };
    const other = makeAudit();
    await replica.insertAudit([second, other]);
    expect(await store.auditRows(2)).toEqual([other, first]);
  });

  test('many rows are stored together or not at all', async () => {
    const { store } = context();
    const before = (await store.auditRows(10_000)).length;
    const rows = Array.from({ length: 1200 }, () => makeAudit());
    await store.insertAudit(rows);
    expect((await store.auditRows(1200)).toReversed()).toEqual(rows);
    const fresh = Array.from({ length: 1100 }, () => makeAudit());
    const broken = [...fresh, makeAudit({ action: null as unknown as string })];
    await expect(store.insertAudit(broken)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await store.auditRows(10_000)).toHaveLength(before + 1200);
  });

  test('the store says that it works', async () => {
    const { store, replica } = context();
    await Promise.all([store.probe(), replica.probe()]);
  });
}
