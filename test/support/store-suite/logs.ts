import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Store } from '../../../src/server/store/index.ts';
import { storeRun } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

const EMPTY = { size: 0, engineTimestamp: 0, drained: false, cut: false };

async function write(store: Store, runKey: string, texts: readonly string[]): Promise<number> {
  let { size } = await store.logPosition(runKey);
  for (const [index, text] of texts.entries()) {
    expect(await store.appendLog(runKey, size, { text, engineTimestamp: index + 1 })).toBe(true);
    size += Buffer.byteLength(text);
  }
  return size;
}

export function describeLogs(context: () => StoreContext): void {
  test('a log begins empty, and without a row', async () => {
    const { store } = context();
    const { key } = await storeRun(store);
    expect(await store.logPosition(key)).toEqual(EMPTY);
    expect(await store.readLog(key, 0, 1000)).toEqual([]);
    expect(await store.offsetAfter(key, 0)).toBe(0);
  });

  test('text is appended at its offset in bytes, for every server', async () => {
    const { store, replica } = context();
    const { key } = await storeRun(store);
    await write(store, key, ['Zoë\n', '🙂 \0 \u001b[31m\n', 'end']);
    expect(await replica.logPosition(key)).toEqual({ ...EMPTY, size: 21, engineTimestamp: 3 });
    expect(await replica.readLog(key, 0, 1000)).toEqual([
      { offset: 0, text: 'Zoë\n', engineTimestamp: 1 },
      { offset: 5, text: '🙂 \0 \u001b[31m\n', engineTimestamp: 2 },
      { offset: 18, text: 'end', engineTimestamp: 3 },
    ]);
  });

  test('of parallel writers at one size, over two servers, one wins', async () => {
    const { store, replica } = context();
    const { key } = await storeRun(store);
    for (let round = 0; round < 3; round += 1) {
      const { size } = await store.logPosition(key);
      const won = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 ? store : replica).appendLog(key, size, { text: `${index}`, engineTimestamp: round }),
        ),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await replica.readLog(key, size, 100)).map((chunk) => chunk.text)).toEqual([`${won.indexOf(true)}`]);
    }
    expect((await store.logPosition(key)).size).toBe(3);
  });

  test('a wrong size writes nothing', async () => {
    const { store } = context();
    const { key } = await storeRun(store);
    expect(await store.appendLog(key, 1, { text: 'x', engineTimestamp: 1 })).toBe(false);
    await write(store, key, ['abc']);
    for (const size of [0, 2, 4])
      expect(await store.appendLog(key, size, { text: 'x', engineTimestamp: 9 })).toBe(false);
    expect(await store.logPosition(key)).toEqual({ ...EMPTY, size: 3, engineTimestamp: 1 });
    expect(await store.readLog(key, 0, 100)).toHaveLength(1);
  });

  test('the engine position moves without text, and a cut is remembered', async () => {
    const { store } = context();
    const { key } = await storeRun(store);
    expect(await store.appendLog(key, 0, { text: '', engineTimestamp: 1.25 })).toBe(true);
    expect(await store.appendLog(key, 0, { text: 'a', engineTimestamp: 2.5, cut: true })).toBe(true);
    expect(await store.appendLog(key, 1, { text: '', engineTimestamp: 3 })).toBe(true);
    expect(await store.logPosition(key)).toEqual({ size: 1, engineTimestamp: 3, drained: false, cut: true });
    expect(await store.readLog(key, 0, 100)).toHaveLength(1);
  });

  test('a drained log takes no more text', async () => {
    const { store, replica } = context();
    const { key } = await storeRun(store);
    await write(store, key, ['abc']);
    await replica.markDrained(key);
    await store.markDrained(key);
    expect(await store.appendLog(key, 3, { text: 'x', engineTimestamp: 2 })).toBe(false);
    expect(await store.logPosition(key)).toEqual({ ...EMPTY, size: 3, engineTimestamp: 1, drained: true });
  });

  test('from any offset, in pieces of any size, the whole text is read, each byte once', async () => {
    const { store } = context();
    const texts = Array.from({ length: 30 }, (_, index) => `line ${'ä'.repeat(index % 7)}\n`);
    const { key } = await storeRun(store);
    const size = await write(store, key, texts);
    const whole = Buffer.from(texts.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: size + 2 }),
        fc.integer({ min: 1, max: 200 }),
        async (from, maxBytes) => {
          const read: Buffer[] = [];
          for (let offset = from; ; ) {
            const chunks = await store.readLog(key, offset, maxBytes);
            const bytes = chunks.map((chunk) => Buffer.from(chunk.text));
            const first = chunks[0];
            if (first === undefined) break;
            const total = Buffer.concat(bytes);
            expect(chunks.length === 1 || total.length <= maxBytes).toBe(true);
            read.push(total.subarray(offset - first.offset));
            offset = first.offset + total.length;
          }
          expect(Buffer.concat(read).equals(whole.subarray(Math.min(from, size)))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('T-30: a long text is kept in pieces that a reader can hold; who has some of them resumes where the text began', async () => {
    const { store } = context();
    const { key } = await storeRun(store);
    const long = 'ä🙂'.repeat(40_000);
    const size = await write(store, key, ['before', long, 'after']);
    const read: { text: string; engineTimestamp: number }[] = [];
    for (let offset = 0; offset < size; ) {
      const chunks = await store.readLog(key, offset, 64 * 1024);
      for (const { offset: at, text, engineTimestamp } of chunks) {
        expect(at).toBe(offset);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
        offset += Buffer.byteLength(text);
        read.push({ text, engineTimestamp });
      }
    }
    expect(read.map(({ text }) => text).join('')).toBe(`before${long}after`);
    expect(read.map(({ engineTimestamp }) => engineTimestamp)).toEqual([1, 1, 1, 1, 2, 3]);
    expect(await store.offsetAfter(key, 1)).toBe(6);
  });

  test('the offset after an engine timestamp', async () => {
    const { store } = context();
    const { key } = await storeRun(store);
    await write(store, key, ['aa', 'bb', 'cc']);
    const after = (timestamp: number) => store.offsetAfter(key, timestamp);
    expect(await Promise.all([0, 0.5, 1, 2, 2.5, 3, 9].map(after))).toEqual([0, 0, 2, 4, 4, 6, 6]);
  });

  test('a sweep empties logs of runs that finished before, and leaves the others', async () => {
    const { store } = context();
    const engine = randomUUID();
    const run = async (status: 'running' | 'finished:failed', finishedAt?: number) => {
      const { key } = await storeRun(store, { engine, status, finishedAt, createdAt: 1 });
      await write(store, key, ['text']);
      return key;
    };
    const old = await Promise.all(Array.from({ length: 45 }, () => run('finished:failed', 99)));
    const [young, running] = [await run('finished:failed', 100), await run('running')];
    expect(await store.sweepLogs(100)).toBe(45);
    expect(await store.sweepLogs(100)).toBe(0);
    for (const key of old) {
      expect(await store.logPosition(key)).toMatchObject({ size: 0, drained: true });
      expect(await store.readLog(key, 0, 100)).toEqual([]);
    }
    for (const key of [young, running]) expect(await store.readLog(key, 0, 100)).toHaveLength(1);
    const open = (await store.openRuns(engine)).map((each) => each.key);
    expect(open.sort()).toEqual([young, running].sort());
  });
}
