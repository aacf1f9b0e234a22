import { Metadata } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { createSlots, metadataBytes } from '../../../../src/server/transport/limits.ts';

describe('slots', () => {
  test('are bounded for each key and in all, and come back once', () => {
    const slots = createSlots({ perKey: 2, total: 3 });
    const first = slots.take('a');
    expect([typeof slots.take('a'), slots.take('a'), typeof slots.take('b'), slots.take('b')]).toEqual([
      'function',
      'key',
      'function',
      'total',
    ]);
    if (typeof first === 'string') throw new Error('no slot');
    first();
    first();
    expect(slots.taken).toBe(2);
    expect([typeof slots.take('a'), slots.take('c')]).toEqual(['function', 'total']);
  });
});

test('T-27: metadata is measured with names, values and a share for each field', () => {
  const metadata = new Metadata();
  metadata.add('name', 'value');
  metadata.add('data-bin', Buffer.alloc(3));
  expect(metadataBytes(metadata)).toBe(4 + 5 + 32 + 8 + 4 + 32);
});
