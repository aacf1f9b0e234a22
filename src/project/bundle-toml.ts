import type { TomlTable, TomlValue } from './toml.ts';
import { isTable } from './toml-fields.ts';

const INDENT = '    ';
/** Longest line of a list of tables that is written inline. */
const MAX_LINE = 100;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/**
 * `table` as a TOML document, byte for byte as Flower writes the pyproject.toml of a bundle (facts section 5): values
 * before tables, lists over several lines, numbers and times as Python spells them. Reads back equal.
 */
export function bundleToml(table: TomlTable): string {
  return sections(table, '', false);
}

function sections(table: TomlTable, name: string, isListItem: boolean): string {
  const values: string[] = [];
  const tables: [key: string, table: TomlTable, isListItem: boolean][] = [];
  for (const [key, value] of Object.entries(table)) {
    if (isTable(value)) tables.push([key, value, false]);
    else if (isTableList(value) && !value.every(fitsOneLine)) for (const item of value) tables.push([key, item, true]);
    else values.push(`${keyText(key)} = ${valueText(value, 0)}\n`);
  }
  const hasHeader = isListItem || (name !== '' && (values.length > 0 || tables.length === 0));
  const header = hasHeader ? (isListItem ? `[[${name}]]\n` : `[${name}]\n`) : '';
  const blocks = header + values.join('') === '' ? [] : [header + values.join('')];
  for (const [key, inner, isItem] of tables) {
    blocks.push(sections(inner, name === '' ? keyText(key) : `${name}.${keyText(key)}`, isItem));
  }
  return blocks.join('\n');
}

function isTableList(value: TomlValue): value is readonly TomlTable[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function fitsOneLine(table: TomlTable): boolean {
  const line = `${INDENT}${inlineTable(table)},`;
  return [...line].length <= MAX_LINE && !line.includes('\n');
}

function valueText(value: TomlValue, depth: number): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Date) return dateText(value);
  return isTable(value) ? inlineTable(value) : listText(value, depth);
}

function listText(list: readonly TomlValue[], depth: number): string {
  if (list.length === 0) return '[]';
  const items = list.map((item) => `${INDENT.repeat(depth + 1)}${valueText(item, depth + 1)},\n`);
  return `[\n${items.join('')}${INDENT.repeat(depth)}]`;
}

function inlineTable(table: TomlTable): string {
  const pairs = Object.entries(table).map(([key, value]) => `${keyText(key)} = ${valueText(value, 0)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : stringText(key);
}

function stringText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of them but the tab are escaped.
  const escaped = text.replace(/["\\\u0000-\u0008\u000a-\u001f\u007f]/g, (char) => {
    return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** The shortest digits that read back equal, with an exponent from 1e16 on and below 1e-4, as Python prints a float. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', power = ''] = Math.abs(value).toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const digits = mantissa.replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** As Python's str() prints a date, a time, or both: a space for the T, "+00:00" for the Z, no or six decimals. */
function dateText(date: Date & { readonly spelling?: string }): string {
  const text = (date.spelling ?? date.toISOString()).replace('T', ' ').replace(/Z$/, '+00:00');
  return text.replace(/\.(\d+)/, (_, decimals: string) => {
    const micros = decimals.slice(0, 6).padEnd(6, '0');
    return micros === '000000' ? '' : `.${micros}`;
  });
}
