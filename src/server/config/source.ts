/** Where each key of a TOML text stands, and how deep its values nest; read without parsing it. */
export interface TomlOutline {
  /** "server.tls-cert" or "oidc[1].issuer" -> line number from 1; tables too ("server", "oidc[1]"). */
  readonly lines: ReadonlyMap<string, number>;
  /** Deepest nesting of brackets and dotted keys. */
  readonly depth: number;
}

interface Scan {
  readonly text: string;
  position: number;
  depth: number;
  deepest: number;
}

const MULTI_LINE = ['"""', "'''"] as const;

/** One linear pass; wrong TOML gives a wrong outline but no failure: the parser speaks about that. */
export function outlineToml(text: string): TomlOutline {
  const scan: Scan = { text, position: 0, depth: 0, deepest: 0 };
  const lines = new Map<string, number>();
  const repeated = new Map<string, number>();
  let table = '';
  let line = 1;
  while (scan.position < text.length) {
    const start = scan.position;
    skipStatement(scan);
    const statement = text.slice(start, scan.position);
    table = note(statement, line, table, lines, repeated, scan);
    line += statement.split('\n').length;
    scan.position += 1;
  }
  return { lines, depth: scan.deepest };
}

/** Moves to the line feed that ends the statement: outside strings and brackets. */
function skipStatement(scan: Scan): void {
  const { text } = scan;
  scan.depth = 0;
  while (scan.position < text.length) {
    const char = text[scan.position];
    if (char === '\n' && scan.depth <= 0) return;
    if (char === '"' || char === "'") skipString(scan);
    else if (char === '#') skipTo(scan, '\n');
    else {
      if (char === '[' || char === '{') scan.depth += 1;
      if (char === ']' || char === '}') scan.depth -= 1;
      scan.deepest = Math.max(scan.deepest, scan.depth);
      scan.position += 1;
    }
  }
}

function skipString(scan: Scan): void {
  const quotes = MULTI_LINE.find((mark) => scan.text.startsWith(mark, scan.position));
  const quote = quotes ?? scan.text.charAt(scan.position);
  scan.position += quote.length;
  while (scan.position < scan.text.length && !scan.text.startsWith(quote, scan.position)) {
    if (!quotes && scan.text[scan.position] === '\n') return;
    scan.position += quote.startsWith('"') && scan.text[scan.position] === '\\' ? 2 : 1;
  }
  scan.position += quote.length;
}

function skipTo(scan: Scan, mark: string): void {
  const found = scan.text.indexOf(mark, scan.position);
  scan.position = found < 0 ? scan.text.length : found;
}

/** Notes a header or key; returns the table that later keys belong to. */
function note(
  statement: string,
  line: number,
  table: string,
  lines: Map<string, number>,
  repeated: Map<string, number>,
  scan: Scan,
): string {
  const header = /^\s*(\[\[?)\s*([^\]\n]{1,200}?)\s*\]/.exec(statement);
  if (header) {
    const name = plainKey(header[2] ?? '', scan);
    const count = repeated.get(name) ?? 0;
    if (header[1] === '[[') repeated.set(name, count + 1);
    const full = header[1] === '[[' ? `${name}[${count}]` : name;
    lines.set(full, line);
    return full;
  }
  const key = /^\s*([^=#\n]{1,200}?)\s*=/.exec(statement)?.[1];
  if (key !== undefined) {
    const name = plainKey(key, scan);
    lines.set(table === '' ? name : `${table}.${name}`, line);
  }
  return table;
}

/** `a . "b"` -> `a.b` */
function plainKey(key: string, scan: Scan): string {
  const parts = key.split('.').map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'));
  scan.deepest = Math.max(scan.deepest, parts.length);
  return parts.join('.');
}
