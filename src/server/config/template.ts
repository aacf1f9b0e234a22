import type { Setting } from './kinds.ts';
import { SETTINGS, TABLES } from './settings.ts';
import { isOptional, isRepeated } from './tables.ts';

/** Values to write, by table and key as they stand in TOML; for `[[oidc]]`, those of the first one. */
export type TemplateValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const WIDTH = 100;

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  'file path': '"path/to/file"',
  URL: '"https://..."',
  'host:port': '"host:9093"',
  'table of strings': '{ name = "value" }',
};

/** A whole `server.toml`: every setting with its sentence; those that have their default are comments. */
export function renderTemplate(values: TemplateValues): string {
  const tables = Object.entries(SETTINGS).map(([name, settings]) => {
    // A table that may be absent is a comment as a whole: its required settings are none until somebody wants it.
    const mark = isOptional(name) && values[name] === undefined ? '# ' : '';
    const header = mark + (isRepeated(name) ? `[[${name}]]` : `[${name}]`);
    const rows = Object.entries(settings).map(([key, setting]) => renderSetting(key, setting, values[name]?.[key]));
    return [...comment(TABLES[name as keyof typeof TABLES]), header, '', rows.join('\n\n')].join('\n');
  });
  return `${INTRODUCTION}\n\n${tables.join('\n\n\n')}\n`;
}

const INTRODUCTION = `# Configuration of a fedctl server. Start it with: fedctl server start --config server.toml
# A line that begins with "# key =" shows a default. Relative paths start at the folder of this file.`;

function renderSetting(key: string, setting: Setting<unknown>, value: unknown): string {
  const doc = comment(setting.required ? `${setting.doc} Required.` : setting.doc);
  if (value !== undefined) return [...doc, `${key} = ${renderValue(value)}`].join('\n');
  const fallback = setting.default === undefined ? placeholder(setting) : renderValue(setting.default);
  return [...doc, `# ${key} = ${fallback}`].join('\n');
}

/** A value as TOML: its strings, numbers, booleans, lists and inline tables look like JSON but for the tables. */
export function renderValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${key} = ${renderValue(item)}`);
    return `{ ${pairs.join(', ')} }`;
  }
  return typeof value === 'string' ? JSON.stringify(value).replaceAll('\u007f', '\\u007F') : String(value);
}

function placeholder({ kind, derived }: Setting<unknown>): string {
  const value = PLACEHOLDERS[kind] ?? '"..."';
  return derived === undefined ? value : `${value}   # default: ${derived}`;
}

/** `text` as comment lines of at most 100 characters. */
function comment(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length + 3 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => `# ${line}`);
}
