import { expect, test } from '@jest/globals';
import { createLock } from '../../../src/server/store/sqlite/lock.ts';

test('first come, first served, one at a time', async () => {
  const lock = createLock();
  const order: string[] = [];
  const use = async (name: string) => {
    expect(await lock.acquire(10_000)).toBe(true);
    order.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} out`);
    lock.release();
  };
  await Promise.all(['a', 'b', 'c'].map(use));
  expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
});

test('who waits too long is told so and is passed over', async () => {
  const lock = createLock();
  await lock.acquire(1);
  const [late, patient] = [lock.acquire(10), lock.acquire(10_000)];
  expect(await late).toBe(false);
  lock.release();
  expect(await patient).toBe(true);
  lock.release();
  expect(await lock.acquire(1)).toBe(true);
});
