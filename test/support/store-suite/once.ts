import { expect, test } from '@jest/globals';
import type { StoreContext } from '../store-suite.ts';

export function describeOnce(context: () => StoreContext): void {
  test('a key is claimed by one call of all servers, and free again when its time is over', async () => {
    const { store, replica } = context();
    const claims = [store, replica, store, replica].map((one) => one.claimOnce('claimed', 2000, 1000));
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
    expect(await replica.claimOnce('claimed', 3000, 1999)).toBe(false);
    expect(await replica.claimOnce('claimed', 3000, 2000)).toBe(true);
    expect(await store.claimOnce('other', 3000, 1000)).toBe(true);
  });

  test('a key is taken by one call of all servers, in its time', async () => {
    const { store, replica } = context();
    expect(await store.takeOnce('taken', 1000)).toBe(false);
    await store.claimOnce('taken', 2000, 1000);
    const taken = [store, replica].map((one) => one.takeOnce('taken', 1999));
    expect((await Promise.all(taken)).filter(Boolean)).toHaveLength(1);
    await store.claimOnce('taken', 2000, 1000);
    expect(await replica.takeOnce('taken', 2000)).toBe(false);
  });
}
