import type { TomlTable, TomlValue } from './toml.ts';
import { isTable } from './toml-fields.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/** `text` as a TOML basic string, with its quotes. */
export function tomlString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: TOML wants these escaped.
  const escaped = text.replace(/["\\\u0000-\u001f\u007f]/g, (char) => {
    return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

/** Always with a dot or an exponent, so that a float stays one. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function inlineText(value: TomlValue): string {
  if (typeof value === 'string') return tomlString(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (!isTable(value)) return `[${value.map(inlineText).join(', ')}]`;
  const pairs = Object.entries(value).map(([key, inner]) => `${keyText(key)} = ${inlineText(inner)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

function isTableList(value: TomlValue): value is readonly TomlTable[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function sections(path: string, table: TomlTable, header: string): string[] {
  const entries = Object.entries(table);
  const plain = entries.filter(([, value]) => !isTable(value) && !isTableList(value));
  const lines = plain.map(([key, value]) => `${keyText(key)} = ${inlineText(value)}\n`);
  const blocks = header === '' && lines.length === 0 ? [] : [header + lines.join('')];
  for (const [key, value] of entries) {
    const inner = path === '' ? keyText(key) : `${path}.${keyText(key)}`;
    if (isTable(value)) blocks.push(...sections(inner, value, `[${inner}]\n`));
    else if (isTableList(value)) blocks.push(...value.flatMap((item) => sections(inner, item, `[[${inner}]]\n`)));
  }
  return blocks;
}

/** `table` as a TOML document that reads back equal; integers (bigint) and floats (number) stay what they are. */
export function tomlText(table: TomlTable): string {
  return sections('', table, '').join('\n');
}
