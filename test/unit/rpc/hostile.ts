import fc from 'fast-check';

/** Protobuf as nobody should send it: any fields, lengths that lie, groups without end, text that is none, 64-bit extremes. */

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const EXTREMES = [
  0n,
  1n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 32n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '@none/default',
  '@a/b',
  'default',
  '\0',
  '\u001b[2J',
  '١',
];

const fieldNumber = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 15 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 16, 26, 19_000, 536_870_911) },
);
const number64 = fc.oneof(fc.constantFrom(...EXTREMES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const leaf = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(...NAMES).map((name) => Buffer.from(name)),
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text)),
  fc.constant(Buffer.from([0xff, 0xfe, 0xc0, 0x80])),
);

const tag = (field: number, type: number) => varint((BigInt(field) << 3n) | BigInt(type));
const delimited = (field: number, content: Buffer, length = BigInt(content.length)) =>
  Buffer.concat([tag(field, 2), varint(length), content]);

const { message } = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
  message: fc.array(tie('field'), { maxLength: 8 }).map((fields) => Buffer.concat(fields)),
  field: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.tuple(fieldNumber, number64).map(([field, value]) => Buffer.concat([tag(field, 0), varint(value)])),
    fc.tuple(fieldNumber, leaf).map(([field, content]) => delimited(field, content)),
    fc.tuple(fieldNumber, tie('message')).map(([field, content]) => delimited(field, content)),
    fc.tuple(fieldNumber, fc.double()).map(([field, value]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      return Buffer.concat([tag(field, 1), bytes]);
    }),
    // A length that promises more than there is.
    fc.tuple(fieldNumber, leaf, number64).map(([field, content, length]) => delimited(field, content, length)),
    fc.tuple(fieldNumber, fc.integer({ min: 3, max: 7 })).map(([field, type]) => tag(field, type)),
  ),
}));

export const hostileMessage: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);

/** A good message with a few bytes changed, cut off or said twice. */
export function mutated(good: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
      fc.boolean(),
    )
    .map(([bytes, changes, cut, twice]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      const part = copy.subarray(0, cut % (copy.length + 1));
      return twice ? Buffer.concat([copy, part]) : part;
    });
}

/** Small requests that once were, or well could be, expensive. */
export const EXPENSIVE: Readonly<Record<string, Buffer>> = {
  'groups that are never closed': Buffer.alloc(60_000, tag(1, 3)),
  'groups in groups': Buffer.concat([Buffer.alloc(30_000, tag(15, 3)), Buffer.alloc(30_000, tag(15, 4))]),
  'messages in messages': Array.from({ length: 3_000 }).reduce<Buffer>((inner) => delimited(1, inner), Buffer.alloc(0)),
  'a length of 2^64-1': delimited(1, Buffer.alloc(4), 2n ** 64n - 1n),
  'a length of 2^31-1': delimited(1, Buffer.alloc(4), 2n ** 31n - 1n),
  'a varint without end': Buffer.alloc(60_000, 0xff),
  'many empty fields': Buffer.alloc(60_000, Buffer.from([0x0a, 0x00])),
};
