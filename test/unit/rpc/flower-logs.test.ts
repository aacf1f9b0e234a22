import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { LogMessage } from '../../../src/server/rpc/methods.ts';
import { flowerLogs } from '../../../src/server/rpc/wire/flower-logs.ts';

type Step = readonly [text: string, engineTimestamp: number] | number;

/** Pieces, and pauses in milliseconds. */
async function* pieces(steps: readonly Step[]): AsyncGenerator<LogMessage> {
  let nextOffset = 0;
  for (const step of steps) {
    if (typeof step === 'number') {
      await sleep(step);
      continue;
    }
    nextOffset += step[0].length;
    yield { text: step[0], engineTimestamp: step[1], nextOffset, finished: undefined };
  }
}

async function all(steps: readonly Step[]): Promise<[string, number][]> {
  const out: [string, number][] = [];
  for await (const { text, timestamp } of flowerLogs(pieces(steps))) out.push([text, timestamp]);
  return out;
}

describe('logs as flwr resumes them, by engine timestamp', () => {
  test('the first message holds all that is stored: flwr log --show prints no other', async () => {
    expect(await all([['a', 1], ['b', 2], ['c', 3], 400, ['d', 4]])).toEqual([
      ['abc', 3],
      ['d', 4],
    ]);
  });

  test('I9: pieces of one engine message go out together, so that resuming after it neither loses nor repeats', async () => {
    expect(await all([['a', 1], 400, ['b1', 1], ['b2', 1], ['b3', 2], ['c', 3]])).toEqual([
      ['a', 1],
      ['b1b2b3', 2],
      ['c', 3],
    ]);
  });

  test('text whose timestamp never moves on, such as a marker line, comes at the end', async () => {
    expect(await all([['a', 1], 400, ['[cut]', 1]])).toEqual([
      ['a', 1],
      ['[cut]', 1],
    ]);
  });

  test('an empty log ends without a message', async () => {
    expect(await all([['', 0]])).toEqual([]);
  });

  test('an error of the source is the error of the stream', async () => {
    async function* broken(): AsyncGenerator<LogMessage> {
      yield { text: 'a', engineTimestamp: 1, nextOffset: 1, finished: undefined };
      throw Object.assign(new Error('gone'), { code: 'UNAVAILABLE' });
    }
    const read = async () => {
      for await (const _ of flowerLogs(broken()));
    };
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('a sign of life carries the timestamp of what was sent: flwr resumes after the last one that it got', async () => {
    async function* quiet(): AsyncGenerator<LogMessage> {
      const pulse = { text: '', engineTimestamp: 0, nextOffset: 1, finished: undefined, isPulse: true as const };
      yield pulse;
      yield { text: 'a', engineTimestamp: 1, nextOffset: 1, finished: undefined };
      await sleep(400);
      yield { text: 'b1', engineTimestamp: 1, nextOffset: 3, finished: undefined };
      yield pulse;
      yield { text: 'b2', engineTimestamp: 2, nextOffset: 5, finished: undefined };
      yield pulse;
    }
    const out: [string, number][] = [];
    for await (const { text, timestamp } of flowerLogs(quiet())) out.push([text, timestamp]);
    expect(out).toEqual([
      ['', 0],
      ['a', 1],
      ['', 1],
      ['b1b2', 2],
      ['', 2],
    ]);
  });
});
