import { median, quartiles, type Series } from './stats.ts';

export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

export function ms(series: Series): string {
  return median(series).toFixed(0);
}

/** The median, and the quartiles. */
export function spread(series: Series, digits = 2): string {
  const [low, high] = quartiles(series);
  return `**${median(series).toFixed(digits)}** (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
