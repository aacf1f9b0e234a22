import type { Stdio } from './stdio.ts';

/** One line on stderr that is overwritten in place on a terminal, and not shown at all elsewhere. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away. */
  clear(): void;
}

/** Progress on a terminal; silent on pipes, in files, with TERM=dumb and in CI logs. */
export function progressOn(stdio: Stdio): Progress {
  if (!stdio.errIsTty || process.env.TERM === 'dumb') return { show() {}, clear() {} };
  let shown = false;
  return {
    show(text) {
      stdio.err(`\r\u001b[K${text.slice(0, Math.max(1, stdio.columns - 1))}`);
      shown = true;
    },
    clear() {
      if (shown) stdio.err('\r\u001b[K');
      shown = false;
    },
  };
}

/** "1.4 MB", "873 B": a size in bytes, in powers of ten. */
export function byteSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
