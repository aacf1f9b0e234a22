import { expect, test } from '@jest/globals';
import type { BundleFamily } from '../../../src/core/engine.ts';
import { createFamilyQuestion } from '../../../src/server/runs/bundle-family.ts';

test('0 without an engine, or while it can not tell', async () => {
  await expect(createFamilyQuestion(undefined)()).resolves.toBe(0);
  await expect(createFamilyQuestion({ bundleFamily: async () => undefined })()).resolves.toBe(0);
  const failing = { bundleFamily: () => Promise.reject(new Error('away')) };
  await expect(createFamilyQuestion(failing)()).resolves.toBe(0);
});

test('the last one that it told while it is away, and the new one afterwards', async () => {
  let answer: () => Promise<BundleFamily | undefined> = async () => 2;
  const ask = createFamilyQuestion({ bundleFamily: () => answer() });
  await expect(ask()).resolves.toBe(2);
  answer = async () => undefined;
  await expect(ask()).resolves.toBe(2);
  answer = async () => 4;
  await expect(ask()).resolves.toBe(4);
});

test('nobody waits for an engine that hangs, and many callers are one question', async () => {
  const hanging = Promise.withResolvers<BundleFamily>();
  let asked = 0;
  const ask = createFamilyQuestion(
    {
      bundleFamily: () => {
        asked += 1;
        return hanging.promise;
      },
    },
    20,
  );
  await expect(Promise.all([ask(), ask(), ask()])).resolves.toEqual([0, 0, 0]);
  expect(asked).toBe(1);
  hanging.resolve(3);
  await expect(ask()).resolves.toBe(3);
  expect(asked).toBe(1);
});
