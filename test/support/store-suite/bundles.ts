import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { NOW, storeRun } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

function makeBundle(size = 1000) {
  const content = randomBytes(size);
  return { content, sha256: createHash('sha256').update(content).digest('hex') };
}

export function describeBundles(context: () => StoreContext): void {
  test('a bundle comes back byte by byte, stored once', async () => {
    const { store, replica } = context();
    const { content, sha256 } = makeBundle(2_000_000);
    await Promise.all([store.putBundle(sha256, content, NOW), replica.putBundle(sha256, content, NOW)]);
    expect(Buffer.from((await replica.bundle(sha256)) ?? []).equals(content)).toBe(true);
    expect(await store.bundle('unknown')).toBeUndefined();
  });

  test('a view into a larger buffer is stored as the view', async () => {
    const { store } = context();
    const { content, sha256 } = makeBundle();
    await store.putBundle(sha256, content.subarray(10, 20), NOW);
    expect(Buffer.from((await store.bundle(sha256)) ?? [])).toEqual(Buffer.from(content.subarray(10, 20)));
  });

  test('a sweep takes old bundles that no young run names', async () => {
    const { store } = context();
    const [unused, used, outlived, young, renewed] = Array.from({ length: 5 }, () => makeBundle());
    for (const bundle of [unused, used, outlived, renewed]) {
      await store.putBundle(bundle?.sha256 ?? '', bundle?.content ?? Buffer.of(), 100);
    }
    await store.putBundle(young?.sha256 ?? '', young?.content ?? Buffer.of(), 200);
    await store.putBundle(renewed?.sha256 ?? '', renewed?.content ?? Buffer.of(), 200);
    await storeRun(store, { bundleSha256: used?.sha256 ?? '', createdAt: 200 });
    await storeRun(store, { bundleSha256: outlived?.sha256 ?? '', createdAt: 199 });
    expect(await store.sweepBundles(200)).toBe(2);
    const kept = await Promise.all(
      [unused, used, outlived, young, renewed].map(
        async (each) => (await store.bundle(each?.sha256 ?? '')) !== undefined,
      ),
    );
    expect(kept).toEqual([false, true, false, true, true]);
  });
}
