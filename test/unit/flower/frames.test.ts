import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFrames } from '../../../src/flower/frames.ts';
import { collect } from '../../support/until.ts';

function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(message.length);
  return Buffer.concat([header, message]);
}

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncIterable<Buffer> {
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + size);
    at += size;
  }
  if (at < bytes.length) yield bytes.subarray(at);
}

const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 });

describe('frames of a stream', () => {
  test('come out as they went in, however they were cut', async () => {
    await fc.assert(
      fc.asyncProperty(messages, sizes, async (all, pieces) => {
        const got = await collect(readFrames(inPieces(Buffer.concat(all.map(frame)), pieces)));
        expect(got.map((one) => [...one])).toEqual(all.map((one) => [...one]));
      }),
    );
  });

  test('a stream that ends in a frame is a broken one, wherever it ends', async () => {
    const whole = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))]);
    for (let end = 1; end < whole.length; end += 1) {
      if (end === 7) continue;
      const cut = collect(readFrames(inPieces(whole.subarray(0, end), [2, 2])));
      await expect(cut).rejects.toMatchObject({ name: 'FlowerFailure', kind: 'unavailable' });
    }
  });

  test('a huge frame is refused before it is held', async () => {
    let pieces = 0;
    async function* endless(): AsyncIterable<Buffer> {
      yield Buffer.from('ffffffff', 'hex');
      for (; ; pieces += 1) yield Buffer.alloc(1024);
    }
    await expect(collect(readFrames(endless(), 1024))).rejects.toMatchObject({ kind: 'invalid' });
    expect(pieces).toBe(0);
  });

  test('any bytes end in frames or in a failure of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), sizes, async (bytes, pieces) => {
        const failure = await collect(readFrames(inPieces(Buffer.from(bytes), pieces), 100)).catch((error) => error);
        if (!Array.isArray(failure)) expect(failure).toMatchObject({ name: 'FlowerFailure' });
      }),
    );
  });
});
