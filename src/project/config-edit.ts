import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../core/errors.ts';
import { parseToml, type TomlTable, type TomlValue } from './toml.ts';
import { isTable } from './toml-fields.ts';
import { lineOf, nextLine, type Statement, statementsOf } from './toml-spans.ts';
import { keyText, tomlString } from './toml-text.ts';

/** What `[superlink.NAME]` shall say (facts 4.3). */
export interface ConnectionEntry {
  readonly name: string;
  readonly address: string;
  /** Absolute path. */
  readonly rootCertificates: string | undefined;
  readonly insecure: boolean;
  readonly federation: string | undefined;
}

const SECTION = 'superlink';

/** The text of `config.toml` with `name` as its default; all else byte for byte as it was. @throws as {@link withConnection} */
export function withDefault(text: string, name: string, file: string): string {
  const { table, statements } = readSection(text, file);
  return proven(insertDefault(text, statements, name), changed(table, { default: name }), text, file);
}

function insertDefault(text: string, statements: readonly Statement[], name: string): string {
  const value = tomlString(name);
  const standing = statements.find(isDefault)?.value;
  if (standing) return text.slice(0, standing.start) + value + text.slice(standing.end);
  const header = statements.find(({ kind, path }) => kind === 'table' && path.length === 1 && path[0] === SECTION);
  if (header) return insertLines(text, header.end, [`default = ${value}`]);
  const own = statements.filter(({ path }) => path[0] === SECTION);
  const dotted = own.filter(({ kind, below }) => kind === 'pair' && below.length === 0).at(-1);
  if (dotted) return insertLines(text, dotted.end, [`${SECTION}.default = ${value}`]);
  const lines = [`[${SECTION}]`, `default = ${value}`];
  const [first] = own;
  return first ? insertLines(text, aboveComments(text, first.start), [...lines, '']) : appendBlock(text, lines);
}

/**
 * The text with one connection more, as a table of its own at the end.
 * @throws INVALID_ARGUMENT CONFIG_* as parseToml; FAILED_PRECONDITION CONFIG_NOT_EDITABLE where the file is written in a
 *   way that would have to be rewritten
 */
export function withConnection(text: string, entry: ConnectionEntry, file: string): string {
  const { table } = readSection(text, file);
  const pairs: Record<string, TomlValue> = Object.create(null);
  pairs.address = entry.address;
  if (entry.rootCertificates !== undefined) pairs['root-certificates'] = entry.rootCertificates;
  if (entry.insecure) pairs.insecure = true;
  if (entry.federation !== undefined) pairs.federation = entry.federation;
  const lines = Object.entries(pairs).map(
    ([key, value]) => `${key} = ${typeof value === 'string' ? tomlString(value) : value}`,
  );
  const edited = appendBlock(text, [`[${SECTION}.${keyText(entry.name)}]`, ...lines]);
  return proven(edited, changed(table, { [entry.name]: pairs }), text, file);
}

/** The text without the connection `name`, and without the default if `andDefault`. @throws as {@link withConnection} */
export function withoutConnection(
  text: string,
  { name, andDefault }: { name: string; andDefault: boolean },
  file: string,
): string {
  const { table, statements } = readSection(text, file);
  const goes = (one: Statement) =>
    (one.path[0] === SECTION && one.path[1] === name) || (andDefault && isDefault(one) && one.value !== undefined);
  const edited = spansOf(statements, goes).reduceRight((rest, span) => cut(rest, span), text);
  const gone = { [name]: undefined, ...(andDefault ? { default: undefined } : {}) };
  return proven(edited, changed(table, gone), text, file);
}

/** Where `[SECTION...]` names the connection, and where its default stands: for people who edit by hand. Lines from 1. */
export function placesOf(
  text: string,
  section: readonly string[],
  name: string,
): { readonly connection: number | undefined; readonly default: number | undefined } {
  const statements = statementsOf(text);
  const lineAt = (path: readonly string[]) => {
    const found = statements.find((one) => path.every((key, index) => one.path[index] === key));
    return found && lineOf(text, found.start);
  };
  return { connection: lineAt([...section, name]), default: lineAt([...section, 'default']) };
}

function isDefault({ path }: Statement): boolean {
  return path.length === 2 && path[0] === SECTION && path[1] === 'default';
}

/** Runs of statements that go, each from its first line to its last; comments between keys of the connection go with them. */
function spansOf(
  statements: readonly Statement[],
  goes: (one: Statement) => boolean,
): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  let before: Statement | undefined;
  for (const one of statements) {
    const last = spans.at(-1);
    // Comments above a header, or below the default, may speak of anything.
    const joins = before !== undefined && one.kind === 'pair' && one.path[1] === before.path[1];
    if (goes(one) && joins && last) last.end = one.end;
    else if (goes(one)) spans.push({ start: one.start, end: one.end });
    before = goes(one) ? one : undefined;
  }
  return spans;
}

/** Of two blank lines that would meet, or of one at the end, the first goes, too: what `withConnection` added goes whole. */
function cut(text: string, { start, end }: { start: number; end: number }): string {
  const before = /(?:^|\n)([ \t]*\r?\n)$/.exec(text.slice(0, start));
  const meets = end >= text.length || /^[ \t]*\r?$/.test(text.slice(end, nextLine(text, end)).replace(/\n$/, ''));
  const from = before !== null && meets ? start - (before[1] as string).length : start;
  return text.slice(0, from) + text.slice(end);
}

function lineEndOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}

function insertLines(text: string, at: number, lines: readonly string[]): string {
  const eol = lineEndOf(text);
  const before = text.slice(0, at);
  const open = before !== '' && !before.endsWith('\n');
  return `${before}${open ? eol : ''}${lines.join(eol)}${eol}${text.slice(at)}`;
}

function appendBlock(text: string, lines: readonly string[]): string {
  return insertLines(text, text.length, text === '' ? lines : ['', ...lines]);
}

/** Start of the comment lines that stand right above `start`: they speak of what follows. */
function aboveComments(text: string, start: number): number {
  let at = start;
  while (at > 0) {
    const above = text.lastIndexOf('\n', at - 2) + 1;
    if (!/^[ \t]*#/.test(text.slice(above, at))) break;
    at = above;
  }
  return at;
}

function changed(table: TomlTable, changes: Readonly<Record<string, TomlValue | undefined>>): TomlTable {
  const section = table[SECTION];
  const inner: Record<string, TomlValue> = Object.assign(Object.create(null), isTable(section) ? section : {});
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete inner[key];
    else inner[key] = value;
  }
  return Object.assign(Object.create(null), table, { [SECTION]: inner });
}

/** `edited`, if it says what it shall say: whatever the spans missed, a file is never spoilt. */
function proven(edited: string, wanted: TomlTable, text: string, file: string): string {
  if (isDeepStrictEqual(changed(parseToml(edited, file), {}), wanted)) return edited;
  throw notEditable(file, lineOf(text, statementsOf(text).find(({ path }) => path[0] === SECTION)?.start ?? 0));
}

function readSection(text: string, file: string): { table: TomlTable; statements: readonly Statement[] } {
  // First, as spans are for texts that parse only.
  const table = parseToml(text, file);
  const statements = statementsOf(text);
  const inline = statements.find(({ kind, path }) => path[0] === SECTION && path.length === 1 && kind !== 'table');
  if (inline) throw notEditable(file, lineOf(text, inline.start));
  return { table, statements };
}

function notEditable(file: string, line: number): AppError {
  const text = `${file}:${line}: the connections are written in a way that fedctl can't change piece by piece.`;
  return new AppError('FAILED_PRECONDITION', 'CONFIG_NOT_EDITABLE', text, {
    hint: 'Edit the file by hand, or write each connection as a table of its own: [superlink.NAME].',
  });
}
