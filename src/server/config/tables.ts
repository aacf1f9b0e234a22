import type { Place, Setting } from './kinds.ts';
import { nearest, type Problem } from './problems.ts';
import { OPTIONAL_TABLES, REPEATABLE_TABLES, REPEATED_TABLES, SETTINGS } from './settings.ts';
import type { ServerConfig } from './types.ts';

type TableName = keyof typeof SETTINGS;
type Values = Record<string, unknown>;

export interface ReadTables {
  /** Whole only if there are no problems; derived values are still undefined. */
  readonly config: ServerConfig;
  readonly problems: readonly Problem[];
}

/** Reads parsed TOML by the settings table: every value typed, defaults filled in, every problem noted. */
export function readTables(root: object, place: Place): ReadTables {
  const problems: Problem[] = [];
  const config: Record<string, unknown> = {};
  for (const name of Object.keys(root)) {
    if (!Object.hasOwn(SETTINGS, name)) problems.push(unknownTable(name, Reflect.get(root, name)));
  }
  for (const name of Object.keys(SETTINGS) as TableName[]) {
    const raw: unknown = Object.hasOwn(root, name) ? Reflect.get(root, name) : undefined;
    if (isRepeated(name) || (isRepeatable(name) && Array.isArray(raw))) {
      config[camel(name)] = readRepeated(name, raw, place, problems);
      continue;
    }
    const values = readTable(name, name, raw ?? {}, place, problems);
    config[camel(name)] = isRepeatable(name) ? [values] : values;
  }
  return { config: config as unknown as ServerConfig, problems };
}

/** Written as `[[name]]`. */
export function isRepeated(name: string): boolean {
  return (REPEATED_TABLES as readonly string[]).includes(name) || isOptional(name);
}

/** Written as `[[name]]`, and may be absent. */
export function isOptional(name: string): boolean {
  return (OPTIONAL_TABLES as readonly string[]).includes(name);
}

function isRepeatable(name: string): boolean {
  return (REPEATABLE_TABLES as readonly string[]).includes(name);
}

function readRepeated(name: TableName, raw: unknown, place: Place, problems: Problem[]): Values[] {
  const tables = raw === undefined ? [] : raw;
  if (!Array.isArray(tables)) {
    problems.push({ path: name, problem: 'must be written with double brackets', suggestion: `[[${name}]]` });
    return [];
  }
  if (tables.length === 0 && !isOptional(name)) {
    problems.push({ path: '', problem: `no [[${name}]] table: at least one is required` });
  }
  return tables.map((table, index) => readTable(name, `${name}[${index}]`, table, place, problems));
}

function readTable(name: TableName, path: string, raw: unknown, place: Place, problems: Problem[]): Values {
  const settings: Readonly<Record<string, Setting<unknown>>> = SETTINGS[name];
  const values: Values = {};
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    problems.push({ path, problem: 'must be a table' });
    return values;
  }
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(settings, key)) problems.push(unknownKey(path, name, key));
  }
  for (const [key, setting] of Object.entries(settings)) {
    const given = Object.hasOwn(raw, key) ? Reflect.get(raw, key) : undefined;
    if (given === undefined && setting.required) problems.push({ path: `${path}.${key}`, problem: 'is missing' });
    const value = given ?? setting.default;
    if (value === undefined) {
      values[camel(key)] = undefined;
      continue;
    }
    const parsed = setting.parse(value, place);
    if (parsed.ok) values[camel(key)] = parsed.value;
    else problems.push({ path: `${path}.${key}`, problem: parsed.problem });
  }
  return values;
}

/** "key-rotation" -> "keyRotation" */
export function camel(key: string): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function unknownTable(name: string, value: unknown): Problem {
  const table = typeof value === 'object' && value !== null;
  const near = nearest(name, Object.keys(SETTINGS));
  const shown = near && isRepeated(near) ? `[[${near}]]` : `[${near}]`;
  return {
    path: table && Array.isArray(value) ? `${name}[0]` : name,
    problem: table ? 'is no table of this file' : 'stands outside of any table, or is no table of this file',
    ...(near && { suggestion: shown }),
  };
}

function unknownKey(path: string, table: TableName, key: string): Problem {
  const near = nearest(key, Object.keys(SETTINGS[table]));
  const elsewhere = Object.entries(SETTINGS).find(([, settings]) => Object.hasOwn(settings, key))?.[0];
  const suggestion = near ?? (elsewhere && `[${elsewhere}] ${key}`);
  return { path: `${path}.${key}`, problem: 'is no setting', ...(suggestion && { suggestion }) };
}
