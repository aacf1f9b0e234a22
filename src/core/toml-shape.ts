export const MAX_TOML_DEPTH = 64;
/** Longest key, number or date outside quotes. */
const MAX_BARE = 1_024;

const BARE = /[A-Za-z0-9_+:-]/;

export interface TomlFault {
  /** Nested deeper than {@link MAX_TOML_DEPTH}, or a key or number that is too long. */
  readonly kind: 'deep' | 'long';
  /** Counted from 1. */
  readonly line: number;
}

/**
 * What makes a TOML text unfit for a parser without a depth limit, or undefined. One pass, no recursion:
 * brackets and dots count outside strings and comments only (security.md T-25).
 */
export function checkTomlShape(toml: string): TomlFault | undefined {
  let depth = 0;
  let dots = 0;
  let bare = 0;
  for (let at = 0; at < toml.length; at += 1) {
    const char = toml[at] ?? '';
    if (BARE.test(char)) {
      bare += 1;
      if (bare > MAX_BARE) return { kind: 'long', line: lineOf(toml, at) };
      continue;
    }
    bare = 0;
    if (char === '.') dots += 1;
    else if (char === '"' || char === "'") at = endOfString(toml, at);
    else if (char === '#') at = endOfLine(toml, at);
    else if (char !== ' ' && char !== '\t') dots = 0;
    if (char === '[' || char === '{') depth += 1;
    if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    if (depth > MAX_TOML_DEPTH || dots > MAX_TOML_DEPTH) return { kind: 'deep', line: lineOf(toml, at) };
  }
  return undefined;
}

function lineOf(toml: string, at: number): number {
  return toml.slice(0, at).split('\n').length;
}

/** Index of the last character of the string that begins at `start`; the end of the text where it never ends. */
function endOfString(toml: string, start: number): number {
  const quote = toml[start] ?? '';
  const isLong = toml.startsWith(quote.repeat(3), start);
  const fence = isLong ? quote.repeat(3) : quote;
  for (let at = start + fence.length; at < toml.length; at += 1) {
    const char = toml[at];
    if (char === '\\' && quote === '"') at += 1;
    else if (char === '\n' && !isLong) return at;
    else if (char === quote && toml.startsWith(fence, at)) return at + fence.length - 1;
  }
  return toml.length;
}

function endOfLine(toml: string, start: number): number {
  const end = toml.indexOf('\n', start);
  // One before the newline, so that the newline itself is seen.
  return end === -1 ? toml.length : end - 1;
}
