import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The relations of each type, as templates/model.json has them. */
export interface Model {
  /** What goes to OpenFGA. */
  readonly json: ModelJson;
  /** SHA-256 of the canonical form, hex. */
  readonly hash: string;
  defines(type: string, relation: string): boolean;
}

export interface ModelJson {
  readonly schema_version: string;
  readonly type_definitions: readonly {
    readonly type: string;
    readonly relations?: Readonly<Record<string, unknown>>;
  }[];
  readonly conditions?: Readonly<Record<string, unknown>>;
}

/** Always `{}`, and yet they mean something: assignable, and everybody. */
const MARKERS = new Set(['this', 'wildcard']);

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Sorted keys, without the empty fields that OpenFGA adds or drops. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, canonical(inner)] as const)
    .filter(([key, inner]) => !isEmpty(inner) || (MARKERS.has(key) && inner !== null));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Equal for models that decide alike by construction: same types, relations and conditions. */
export function hashModel({ schema_version, type_definitions, conditions }: ModelJson): string {
  const types = [...type_definitions].sort((a, b) => (a.type < b.type ? -1 : 1));
  const text = JSON.stringify(canonical({ schema_version, types, conditions }));
  return createHash('sha256').update(text).digest('hex');
}

/** Reads the generated model beside the program; the path is the same from src/ and dist/. */
export function loadModel(): Model {
  const json = JSON.parse(readFileSync(new URL('../../../templates/model.json', import.meta.url), 'utf8')) as ModelJson;
  const relations = new Map(
    json.type_definitions.map((type) => [type.type, new Set(Object.keys(type.relations ?? {}))]),
  );
  return { json, hash: hashModel(json), defines: (type, relation) => relations.get(type)?.has(relation) ?? false };
}
