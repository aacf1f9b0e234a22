/** C0, DEL, C1, line and paragraph separators, bidi controls, zero-width characters, BOM, lone surrogates (security.md T-21). */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it takes away
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const MAX_LENGTH = 500;

/** A peer's text as one line that is safe to store, log and show: unsafe characters become spaces, at most 500 characters. */
export function plainText(text: string, maxLength: number = MAX_LENGTH): string {
  // The cap before the replacement bounds the work, the one after it the result.
  const line = text
    .slice(0, maxLength * 4)
    .replace(UNSAFE, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/** A word as it is typed into a shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9@%+:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
