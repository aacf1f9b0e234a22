import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bundleToml } from '../../../src/project/bundle-toml.ts';
import { parseToml } from '../../../src/project/toml.ts';

describe('bundleToml', () => {
  const key = fc
    .string({ minLength: 1, maxLength: 8 })
    .filter((text) => text !== 'prototype' && !(text in Object.prototype));
  const scalar = fc.oneof(
    fc.boolean(),
    fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'grapheme' }),
  );
  const { table } = fc.letrec((tie) => ({
    table: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(scalar, { maxLength: 4 }),
      tie('table'),
      fc.array(tie('table'), { maxLength: 3 }),
    ),
  }));

  test('reads back equal, whatever the table holds', () => {
    fc.assert(
      fc.property(table, (value) => {
        expect(parseToml(bundleToml(value as never), 'f')).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });
});

describe('numbers and times are spelled as Python spells them', () => {
  test.each([
    ['1.0', '1.0'],
    ['1e16', '1e+16'],
    ['1e15', '1000000000000000.0'],
    ['123456789012345678.0', '1.2345678901234568e+17'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['1.5e-7', '1.5e-07'],
    ['1e100', '1e+100'],
    ['-0.0', '-0.0'],
    ['-2.50', '-2.5'],
    ['120.0', '120.0'],
    ['-inf', '-inf'],
    ['nan', 'nan'],
    ['0xff', '255'],
    ['1979-05-27T07:32:00Z', '1979-05-27 07:32:00+00:00'],
    ['1979-05-27T00:32:00.5-07:00', '1979-05-27 00:32:00.500000-07:00'],
    ['1979-05-27 07:32:00.123456', '1979-05-27 07:32:00.123456'],
    ['1979-05-27', '1979-05-27'],
    ['07:32:00', '07:32:00'],
    ['07:32:00.25', '07:32:00.250000'],
  ])('%s as %s', (toml, text) => {
    expect(bundleToml(parseToml(`a = ${toml}`, 'f'))).toBe(`a = ${text}\n`);
  });
});
