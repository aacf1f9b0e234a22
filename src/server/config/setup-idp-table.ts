import { isDeepStrictEqual } from 'node:util';
import { parse } from '@iarna/toml';
import { AppError } from '../../core/errors.ts';
import { outlineToml } from './source.ts';
import { renderValue } from './template.ts';

/** Keys and values of one [[oidc]] table, as they stand in TOML. */
export type ProviderTable = Readonly<Record<string, unknown>> & {
  readonly alias: string;
  readonly issuer: string;
  readonly 'client-secret-file': string;
};

interface Standing {
  readonly alias?: unknown;
  readonly issuer?: unknown;
}

/** What may not be there twice. @throws ALREADY_EXISTS PROVIDER_CONFIGURED */
export function refuseDuplicates(text: string, { alias, issuer }: { alias: string; issuer: string }): void {
  const tables = tablesOf(text);
  const unfinished = unfinishedTable(text);
  const others = tables.filter((_table, index) => index !== unfinished);
  const [what, value] = others.some((one) => one.issuer === issuer)
    ? ['issuer', issuer]
    : ['alias', others.some((one) => one.alias === alias) ? alias : undefined];
  if (value === undefined) return;
  throw new AppError('ALREADY_EXISTS', 'PROVIDER_CONFIGURED', `There is an [[oidc]] table with the ${what} ${value}.`, {
    hint: what === 'alias' ? 'Choose another name: --alias NAME' : 'Change that table by hand, or take it out first.',
  });
}

/** The alias of the table that `server init` left to be filled in. */
export function unfinishedAlias(text: string): string | undefined {
  const alias = tablesOf(text)[unfinishedTable(text)]?.alias;
  return typeof alias === 'string' ? alias : undefined;
}

/**
 * The text with the provider in it: in the table that `server init` left unfinished, else in one of its own at the end.
 * All else stays byte for byte.
 * @throws ALREADY_EXISTS PROVIDER_CONFIGURED; FAILED_PRECONDITION CONFIG_NOT_EDITABLE where the outcome would not be that
 */
export function withProvider(text: string, table: ProviderTable): string {
  refuseDuplicates(text, table);
  const unfinished = unfinishedTable(text);
  const edited = unfinished < 0 ? appended(text, table) : filledIn(text, table, unfinished);
  const before = parse(text) as Record<string, unknown>;
  const tables = tablesOf(text) as Record<string, unknown>[];
  const merged =
    unfinished < 0
      ? [...tables, table]
      : tables.map((one, index) => (index === unfinished ? { ...one, ...table } : one));
  if (isDeepStrictEqual(plain(parsed(edited)), plain({ ...before, oidc: merged }))) return edited;
  throw new AppError(
    'FAILED_PRECONDITION',
    'CONFIG_NOT_EDITABLE',
    'The [[oidc]] tables are written in a way that fedctl can not change piece by piece.',
    { hint: `Add it by hand:\n${blockOf(table).join('\n')}` },
  );
}

/** Lines of a table of its own. */
export function blockOf(table: ProviderTable): readonly string[] {
  return ['[[oidc]]', ...pairsOf(table).map(([key, value]) => `${key} = ${renderValue(value)}`)];
}

function pairsOf(table: ProviderTable): [string, unknown][] {
  return Object.entries(table).filter(([, value]) => value !== undefined);
}

function tablesOf(text: string): readonly Standing[] {
  const { oidc } = parse(text) as { oidc?: unknown };
  return Array.isArray(oidc) ? (oidc as Standing[]) : [];
}

/** Index of the first table without issuer and client; -1 where there is none. */
function unfinishedTable(text: string): number {
  return tablesOf(text).findIndex((one) => one.issuer === undefined && !('client-id' in one));
}

function appended(text: string, table: ProviderTable): string {
  const eol = lineEndOf(text);
  const open = text !== '' && !text.endsWith('\n') ? eol : '';
  return `${text}${open}${text === '' ? '' : eol}${blockOf(table).join(eol)}${eol}`;
}

/** Replaces a key's own line, or the comment that shows it (`# issuer = ...`); what has neither follows the header. */
function filledIn(text: string, table: ProviderTable, index: number): string {
  const { lines: places } = outlineToml(text);
  const lines = text.split('\n');
  const from = places.get(`oidc[${index}]`) ?? 0;
  const headers = lines.flatMap((line, at) => (at >= from && /^\s*\[/.test(line) ? [at] : []));
  const to = headers[0] ?? lines.length;
  const fresh: string[] = [];
  for (const [key, value] of pairsOf(table)) {
    const pair = `${key} = ${renderValue(value)}`;
    const own = places.get(`oidc[${index}].${key}`);
    const at = own === undefined ? shownAt(lines, key, from, to) : own - 1;
    if (at < 0) fresh.push(pair);
    else lines[at] = pair + (lines[at]?.endsWith('\r') ? '\r' : '');
  }
  const eol = lineEndOf(text).slice(0, -1);
  lines.splice(from, 0, ...fresh.map((line) => line + eol));
  return lines.join('\n');
}

function shownAt(lines: readonly string[], key: string, from: number, to: number): number {
  return lines.findIndex((line, at) => at >= from && at < to && line.startsWith(`# ${key} =`));
}

function parsed(text: string): object | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Without prototypes and class instances of the parser. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function lineEndOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}
