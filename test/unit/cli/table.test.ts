import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { pairLines, tableLines } from '../../../src/cli/table.ts';

const COLUMNS = [{ title: 'ID' }, { title: 'NAME', shrinks: true }, { title: 'NOTE', shrinks: true, drop: 1 }];

describe('tables', () => {
  test('as wide as they need to be', async () => {
    const lines = await tableLines(COLUMNS, [['1', 'a', 'b']], { width: 80 });
    expect(lines).toEqual(['ID  NAME  NOTE', '1   a     b']);
  });

  test('long cells are shortened, the widest first', async () => {
    const lines = await tableLines(COLUMNS, [['1', 'n'.repeat(30), 'note']], { width: 24 });
    expect(lines[1]).toBe('1   nnnnnnnnnnnnn…  note');
  });

  test('columns that may go do go; those that may not stay whole', async () => {
    const lines = await tableLines(COLUMNS, [['1234567890', 'name', 'note note note']], { width: 18 });
    expect(lines).toEqual(['ID          NAME', '1234567890  name']);
  });

  test('without Unicode the mark is three dots', async () => {
    const lines = await tableLines(COLUMNS, [['1', 'n'.repeat(30), '']], { width: 20, unicode: false });
    expect(lines[1]).toContain('...');
  });

  test('never wider than the terminal, whatever the cells hold', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('日本語日本語', '👩‍👩‍👧‍👧', 'é'.normalize('NFD'), 'a\u001b[31mb'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.stringMatching(/^[0-9]{0,20}$/), cell, cell)),
        fc.integer({ min: 40, max: 200 }),
        async (rows, width) => {
          for (const line of await tableLines(COLUMNS, rows, { width }))
            expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('pairs leave out what is empty', () => {
    expect(
      pairLines([
        ['A', '1'],
        ['Long', '2'],
        ['None', ''],
      ]),
    ).toEqual(['A:    1', 'Long: 2']);
  });
});
