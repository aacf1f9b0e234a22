import { AppError } from '../core/errors.ts';
import type { RunConfig, Scalar } from '../core/runs.ts';
import type { TomlTable, TomlValue } from './toml.ts';

/** A table and where it stands, so that every error can name file, table and key. */
export interface TableAt {
  readonly file: string;
  /** As the file spells it, without brackets: `tool.flwr.app`. */
  readonly path: string;
  readonly table: TomlTable;
}

export function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

function typeName(value: TomlValue): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return value instanceof Date ? 'a date' : 'a table';
  return { bigint: 'an integer', number: 'a float', boolean: 'a boolean', string: 'a string' }[
    typeof value as 'string'
  ];
}

/** The error for one key of a table: `FILE: [TABLE] KEY WHAT.` */
export function fieldError(at: TableAt, key: string, what: string, hint?: string): AppError {
  const message = `${at.file}: [${at.path}] ${key} ${what}.`;
  return new AppError('INVALID_ARGUMENT', 'CONFIG_INVALID', message, hint === undefined ? {} : { hint });
}

function wrongType(at: TableAt, key: string, wanted: string): AppError {
  const value = at.table[key] as TomlValue;
  return fieldError(at, key, `must be ${wanted}, not ${typeName(value)}`);
}

/** @throws INVALID_ARGUMENT CONFIG_INVALID where the key holds another type; so do all below. */
export function optionalString(at: TableAt, key: string): string | undefined {
  const value = at.table[key];
  if (value === undefined || typeof value === 'string') return value;
  throw wrongType(at, key, 'a string');
}

export function optionalBoolean(at: TableAt, key: string): boolean | undefined {
  const value = at.table[key];
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrongType(at, key, 'true or false');
}

export function requiredString(at: TableAt, key: string): string {
  const value = optionalString(at, key);
  if (value === undefined || value.trim() === '') throw fieldError(at, key, 'is missing');
  return value;
}

/** A list of non-empty strings with at least one entry, or undefined. */
export function optionalStrings(at: TableAt, key: string): readonly string[] | undefined {
  const value = at.table[key];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrongType(at, key, 'a list of strings');
  if (value.length === 0) throw fieldError(at, key, 'must not be an empty list', 'Remove the key to use the defaults.');
  const bad = value.find((item) => typeof item !== 'string' || item.trim() === '');
  if (bad !== undefined) throw fieldError(at, key, 'must hold non-empty strings only');
  return value as readonly string[];
}

/** The table below `key`, or undefined. `key` may be dotted. */
export function subTable(at: TableAt, key: string): TableAt | undefined {
  let here = at;
  for (const part of key.split('.')) {
    const value = here.table[part];
    if (value === undefined) return undefined;
    if (!isTable(value)) throw wrongType(here, part, 'a table');
    here = { file: at.file, path: here.path === '' ? part : `${here.path}.${part}`, table: value };
  }
  return here;
}

/**
 * Nested tables of scalars as one map with dotted keys, the way Flower flattens a run configuration.
 * @throws INVALID_ARGUMENT CONFIG_INVALID for lists and dates
 */
export function flattenTable(at: TableAt): RunConfig {
  const flat: Record<string, Scalar> = Object.create(null);
  const visit = (here: TableAt, prefix: string): void => {
    for (const [key, value] of Object.entries(here.table)) {
      if (isTable(value)) visit({ file: at.file, path: `${here.path}.${key}`, table: value }, `${prefix}${key}.`);
      else if (typeof value === 'object') throw wrongType(here, key, 'an integer, float, boolean or string');
      else flat[prefix + key] = value;
    }
  };
  visit(at, '');
  return flat;
}
