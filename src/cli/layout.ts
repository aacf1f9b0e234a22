import type { Stdio } from './stdio.ts';
import { type Column, tableLines } from './table.ts';

/** A column and where its cell comes from. */
export interface ColumnOf<Row> extends Column {
  readonly cell: (row: Row) => string;
}

/** A table as wide as the terminal, without columns that would be empty. */
export async function tableOf<Row>(
  columns: readonly ColumnOf<Row>[],
  rows: readonly Row[],
  { columns: width, unicode }: Stdio,
): Promise<string[]> {
  const told = columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  const cells = rows.map((row) => told.map(({ cell }) => cell(row)));
  return await tableLines(told, cells, { width, unicode });
}
