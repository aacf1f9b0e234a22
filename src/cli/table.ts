import { safeLine } from './text.ts';

export interface Column {
  readonly title: string;
  /** May be shortened, but not below its title, when the table is too wide; the others keep their width. */
  readonly shrinks?: boolean;
  /** Columns that go first when even shortened ones do not fit; larger goes earlier. 0 = never. */
  readonly drop?: number;
}

/** Columns of a text on a terminal. */
export type Measure = (text: string) => number;

/** Columns between two columns. */
export const GAP = 2;
const MIN_SHRUNK = 8;

/** A measure for these texts: plain length for ASCII, else by the width of each character (loaded only then). */
export async function measureFor(texts: readonly string[]): Promise<Measure> {
  if (texts.every((text) => /^[\x20-\x7e]*$/.test(text))) return (text) => text.length;
  return (await import('string-width')).default;
}

/**
 * Lines of a table no wider than `width`, each at most that wide. Cells are made safe here. Optional columns leave first,
 * then those that may shrink are shortened with "…" (or "..." without Unicode), widest first.
 */
export async function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, unicode = true }: { width: number; unicode?: boolean },
): Promise<string[]> {
  const table = [columns.map((column) => column.title), ...rows.map((row) => row.map(safeLine))];
  const measure = await measureFor(table.flat());
  const widths = columns.map((_, index) => Math.max(...table.map((row) => measure(row[index] ?? ''))));
  const shown = fitColumns(columns, widths, width);
  const mark = unicode ? '…' : '...';
  return table.map((row) => {
    const cells = shown.map(({ index, size }) => pad(shorten(row[index] ?? '', size, mark, measure), size, measure));
    return cells.join(' '.repeat(GAP)).trimEnd();
  });
}

interface Shown {
  readonly index: number;
  size: number;
}

function fitColumns(columns: readonly Column[], widths: readonly number[], width: number): Shown[] {
  let shown: Shown[] = widths.map((size, index) => ({ index, size }));
  const total = () => shown.reduce((sum, { size }) => sum + size, 0) + GAP * (shown.length - 1);
  const smallest = () => total() - shown.reduce((sum, { index, size }) => sum + slack(columns[index], size), 0);
  while (smallest() > width) {
    const next = shown.reduce((best, column) => (dropOf(columns, column) > dropOf(columns, best) ? column : best));
    if (dropOf(columns, next) === 0) break;
    shown = shown.filter((column) => column !== next);
  }
  while (total() > width) {
    const widest = shown
      .filter(({ index, size }) => slack(columns[index], size) > 0)
      .reduce<Shown | undefined>(
        (best, column) => (best === undefined || column.size > best.size ? column : best),
        undefined,
      );
    if (widest === undefined) break;
    widest.size -= 1;
  }
  return shown;
}

function dropOf(columns: readonly Column[], { index }: Shown): number {
  return columns[index]?.drop ?? 0;
}

function slack(column: Column | undefined, size: number): number {
  return column?.shrinks === true ? Math.max(0, size - Math.max(MIN_SHRUNK, column.title.length)) : 0;
}

/** `text` in at most `size` columns; what was cut off is marked. */
export function shorten(text: string, size: number, mark: string, measure: Measure): string {
  if (measure(text) <= size) return text;
  if (size <= mark.length) return mark.slice(0, size);
  let out = '';
  // Made here: the first one takes 20 ms, and most tables fit.
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (measure(out + segment) > size - mark.length) break;
    out += segment;
  }
  return out + mark;
}

function pad(text: string, size: number, measure: Measure): string {
  return text + ' '.repeat(Math.max(0, size - measure(text)));
}

/** "Name:   value" lines, names padded to one width; values made safe. Empty values are left out. */
export function pairLines(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const shown = pairs.filter(([, value]) => value !== '');
  const size = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(size + 2)}${safeLine(value)}`);
}
