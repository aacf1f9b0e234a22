import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createFrameReader,
  encodeFrame,
  MAX_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
} from '../../../src/credentials/agent-protocol.ts';

describe('frames', () => {
  test('come out as they went in, however they are cut', () => {
    const frames = fc.array(
      fc.record({ header: fc.dictionary(fc.string(), fc.string()), payload: fc.uint8Array({ maxLength: 300 }) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 64 }), (sent, size) => {
        const reader = createFrameReader();
        const bytes = Buffer.concat(sent.map(({ header, payload }) => encodeFrame(header, payload)));
        const got = [];
        for (let at = 0; at < bytes.length; at += size)
          got.push(...reader.push(Buffer.from(bytes.subarray(at, at + size))));
        expect(got.map(({ header }) => JSON.stringify(header))).toEqual(
          sent.map(({ header }) => JSON.stringify(header)),
        );
        expect(got.map(({ payload }) => payload.toString('hex'))).toEqual(
          sent.map(({ payload }) => Buffer.from(payload).toString('hex')),
        );
      }),
    );
  });

  test('the bytes that came in are wiped', () => {
    const chunk = encodeFrame({ op: 'lock' }, Buffer.from('hunter2'));
    const [frame] = createFrameReader().push(chunk);
    expect(chunk.every((byte) => byte === 0)).toBe(true);
    expect(frame?.payload.toString()).toBe('hunter2');
  });

  test.each([
    ['a header over its cap', [MAX_HEADER_BYTES + 1, 0]],
    ['a payload over its cap', [2, MAX_PAYLOAD_BYTES + 1]],
    ['four gigabytes', [0xffffffff, 0xffffffff]],
  ])('%s is refused before it has come', (_name, [header = 0, payload = 0]) => {
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(header, 0);
    prefix.writeUInt32BE(payload, 4);
    expect(() => createFrameReader().push(prefix)).toThrow('too large');
    expect(() => encodeFrame({}, Buffer.alloc(MAX_PAYLOAD_BYTES + 1))).toThrow(RangeError);
  });

  test.each(['', '[]', 'null', '1', '{', '"text"'])('a header of %j is no frame', (text) => {
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(text.length, 0);
    expect(() => createFrameReader().push(Buffer.concat([prefix, Buffer.from(text)]))).toThrow();
  });

  test('any bytes at all give frames or an error, never more than was sent', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const frames = createFrameReader().push(Buffer.from(bytes));
          expect(frames.length).toBeLessThanOrEqual(bytes.length / 10);
        } catch (error) {
          expect(error).toBeDefined();
        }
      }),
    );
  });
});
