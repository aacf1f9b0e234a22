/** Text that still fits into a log of `size` bytes, with a marker line where that is not all of it. */
export function cutText(text: string, size: number, maxBytes: number): { text: string; cut: boolean } {
  if (size + Buffer.byteLength(text) <= maxBytes) return { text, cut: false };
  const bytes = Buffer.from(text);
  const kept = bytes.subarray(0, characterStart(bytes, Math.max(0, maxBytes - size))).toString('utf8');
  const marker = `[fedctl] The log was cut here: it reached the limit of ${maxBytes} bytes.\n`;
  return { text: `${kept}${kept === '' || kept.endsWith('\n') ? '' : '\n'}${marker}`, cut: true };
}

/** The largest offset up to `at` where a UTF-8 character begins (or the end). */
export function characterStart(bytes: Uint8Array, at: number): number {
  let start = Math.min(at, bytes.length);
  while (start > 0 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}
