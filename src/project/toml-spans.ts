import { parseToml } from './toml.ts';

/** One statement of a TOML text and where it stands; offsets in UTF-16 units. */
export interface Statement {
  /** `[a.b]`, `[[a.b]]` or `a.b = 1`. */
  readonly kind: 'table' | 'list' | 'pair';
  /** Keys from the root on: those of a pair begin with its table's. */
  readonly path: readonly string[];
  /** Path of the header that a pair stands below; empty at the top. For headers their own path. */
  readonly below: readonly string[];
  /** Start of its first line, and just after the end of its last line. */
  readonly start: number;
  readonly end: number;
  /** Of a pair: its value, without what is around it. */
  readonly value: { readonly start: number; readonly end: number } | undefined;
}

/**
 * The statements of `text` in order. Blank lines and lines that hold only a comment belong to none.
 * @param text TOML that parseToml has accepted; of anything else the result is unspecified, but it ends
 */
export function statementsOf(text: string): readonly Statement[] {
  const statements: Statement[] = [];
  let below: readonly string[] = [];
  for (let at = 0; at < text.length; ) {
    const first = skipBlanks(text, at);
    if (isLineEnd(text, first) || text[first] === '#') {
      at = nextLine(text, first);
      continue;
    }
    const statement = text[first] === '[' ? readHeader(text, at, first) : readPair(text, at, first, below);
    if (statement.kind !== 'pair') below = statement.path;
    statements.push(statement);
    at = statement.end;
  }
  return statements;
}

function readHeader(text: string, start: number, first: number): Statement {
  const isList = text[first + 1] === '[';
  const { keys: path, at } = readKeys(text, first + (isList ? 2 : 1));
  const end = nextLine(text, at);
  return { kind: isList ? 'list' : 'table', path, below: path, start, end, value: undefined };
}

function readPair(text: string, start: number, first: number, below: readonly string[]): Statement {
  const { keys, at } = readKeys(text, first);
  const from = skipBlanks(text, text[at] === '=' ? at + 1 : at);
  const to = endOfValue(text, from);
  const value = { start: from, end: to };
  return { kind: 'pair', path: [...below, ...keys], below, start, end: nextLine(text, to), value };
}

/** The dotted key that begins at `at`, and where it ends: at `=`, `]` or the end of the line. */
function readKeys(text: string, from: number): { keys: string[]; at: number } {
  const keys: string[] = [];
  let at = skipBlanks(text, from);
  while (at < text.length && !isLineEnd(text, at)) {
    const end = text[at] === '"' || text[at] === "'" ? endOfString(text, at) : endOfBare(text, at);
    keys.push(keyOf(text.slice(at, end)));
    at = skipBlanks(text, end);
    if (text[at] !== '.') break;
    at = skipBlanks(text, at + 1);
  }
  return { keys, at };
}

function keyOf(raw: string): string {
  if (raw.startsWith("'")) return raw.slice(1, -1);
  if (!raw.startsWith('"')) return raw;
  return parseToml(`key = ${raw}`, 'key').key as string;
}

function endOfBare(text: string, start: number): number {
  const match = /[^A-Za-z0-9_-]/.exec(text.slice(start, start + 2_048));
  // At least one character, so that a text that is no TOML comes to an end, too.
  return match === null ? text.length : Math.max(start + 1, start + match.index);
}

/** Just after a value: brackets and braces are followed to their partner, over strings and comments. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let end = start;
  for (let at = start; at < text.length; ) {
    const char = text[at] as string;
    if (char === '#') {
      if (depth === 0) break;
      at = endOfLine(text, at);
      continue;
    }
    if (isLineEnd(text, at) && depth === 0) break;
    if (char === '[' || char === '{') depth += 1;
    if (char === ']' || char === '}') depth -= 1;
    at = char === '"' || char === "'" ? endOfString(text, at) : at + 1;
    if (!/\s/.test(char)) end = at;
  }
  return end;
}

/** Just after the string that begins at `start`, whichever of the four kinds it is. */
function endOfString(text: string, start: number): number {
  const quote = text[start] as string;
  const isLong = text.startsWith(quote.repeat(3), start);
  const fence = isLong ? quote.repeat(3) : quote;
  for (let at = start + fence.length; at < text.length; at += 1) {
    if (text[at] === '\\' && quote === '"') at += 1;
    else if (text.startsWith(fence, at)) return isLong ? afterQuotes(text, at + 3, quote) : at + 1;
  }
  return text.length;
}

/** A long string may end with one or two quotes of its own before the three that close it. */
function afterQuotes(text: string, from: number, quote: string): number {
  let at = from;
  while (at < from + 2 && text[at] === quote) at += 1;
  return at;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

function isLineEnd(text: string, at: number): boolean {
  return at >= text.length || text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n');
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

/** Start of the line after the one that `from` is on. */
export function nextLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end + 1;
}

/** Number of the line that `at` is on, from 1. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}
