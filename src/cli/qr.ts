import type { Stdio } from './stdio.ts';

/** Lines of a QR code for `text`; none where the terminal can't show it: a pipe, no UTF-8, too small. */
export async function qrLines(text: string, stdio: Stdio): Promise<readonly string[]> {
  if (!stdio.errIsTty || !stdio.unicode) return [];
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2 }).split('\n');
  const width = Math.max(...lines.map((line) => line.length));
  return width <= stdio.columns && lines.length + 8 <= stdio.rows ? lines : [];
}
