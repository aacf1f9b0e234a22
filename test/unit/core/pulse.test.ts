import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { PULSE, pulsing } from '../../../src/core/pulse.ts';

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of source) out.push(item);
  return out;
}

describe('signs of life on a silent stream', () => {
  test('one after each silence, and no item is lost or late', async () => {
    async function* items() {
      yield 1;
      await sleep(110);
      yield 2;
      yield 3;
    }
    const out = await all(pulsing(items(), 40));
    expect(out.filter((item) => item !== PULSE)).toEqual([1, 2, 3]);
    expect(out.slice(1, 3)).toEqual([PULSE, PULSE]);
    expect(out.at(-1)).toBe(3);
  });

  test('none where items come', async () => {
    async function* items() {
      yield* [1, 2, 3];
    }
    expect(await all(pulsing(items(), 1_000))).toEqual([1, 2, 3]);
  });

  test('its failure is the failure of the source', async () => {
    async function* items() {
      yield 1;
      throw new Error('broken');
    }
    await expect(all(pulsing(items(), 10))).rejects.toThrow('broken');
  });

  test('who leaves during a silence is not held up, and the source is told', async () => {
    let left = false;
    const never = new Promise<void>(() => undefined);
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => never as Promise<never>,
        return: async () => {
          left = true;
          return { done: true as const, value: undefined };
        },
      }),
    };
    for await (const item of pulsing(source, 5)) {
      expect(item).toBe(PULSE);
      break;
    }
    expect(left).toBe(true);
  });
});
