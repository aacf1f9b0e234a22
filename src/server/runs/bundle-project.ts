import TOML from '@iarna/toml';
import { checkTomlShape, MAX_TOML_DEPTH } from '../../core/toml-shape.ts';
import { bundleError } from './bundle-errors.ts';

export const PROJECT = 'pyproject.toml';
export const MAX_PROJECT = 256 * 1024;

/**
 * Characters parsed per turn of the event loop. Measured at 256 KB over 20 hostile shapes: at most 31 ms in one turn
 * (one number of 256 KB, which the shape check refuses), else at most 15 ms; all at once it was up to 212 ms.
 */
const BLOCK = 4_000;

const POLLUTING: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const PACKAGE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
/** Flower takes any text; a slash would make another id of it, and another folder on the SuperNodes, as dots alone might. */
const PUBLISHER = /^(?!\s|\.{1,2}$)[^\p{Cc}\p{Cf}\p{Cs}/\\]{1,128}$/u;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}$/;
const OBJECT_REF = /^[A-Za-z_][\w.]{0,254}:[A-Za-z_][\w.]{0,254}$/;

type Table = { readonly [key: string]: unknown };

/** What a bundle's pyproject.toml says of the app. */
export interface Project {
  /** "publisher/name", the app's id (facts 4.1). */
  readonly app: string;
  readonly version: string;
}

/** Reads and checks a bundle's pyproject.toml (security.md T-25, T-26). @throws INVALID_ARGUMENT BUNDLE_PROJECT_INVALID */
export async function readProject(content: Buffer): Promise<Project> {
  if (content.length > MAX_PROJECT) throw invalid(`is larger than ${MAX_PROJECT / 1024} KB`);
  const root = nullPrototype(await parse(decode(content)));
  const project = table(root, 'project');
  const app = table(table(table(root, 'tool'), 'flwr', 'tool.flwr'), 'app', 'tool.flwr.app');
  const name = text(project.name, 'project.name', PACKAGE_NAME);
  const version = text(project.version, 'project.version', VERSION);
  const publisher = text(app.publisher, 'tool.flwr.app.publisher', PUBLISHER);
  checkComponents(table(app, 'components', 'tool.flwr.app.components'));
  return { app: `${publisher}/${name}`, version };
}

function decode(content: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw invalid('is not UTF-8');
  }
}

async function parse(toml: string): Promise<Table> {
  const fault = checkTomlShape(toml);
  if (fault?.kind === 'deep') throw invalid(`is nested more than ${MAX_TOML_DEPTH} levels deep`);
  if (fault !== undefined) throw invalid('has a key or number that is too long');
  try {
    return (await TOML.parse.async(toml, { blocksize: BLOCK })) as Table;
  } catch (error) {
    const { line } = error as { line?: unknown };
    throw invalid(typeof line === 'number' ? `is not valid TOML near line ${line + 1}` : 'is not valid TOML');
  }
}

/** A copy without prototypes, so that no key can mean more than itself. Depth is bounded by the shape check. */
function nullPrototype(value: Table): Table {
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) {
    if (POLLUTING.has(key)) throw invalid(`has the key "${key}"`);
    copy[key] = copyValue(value[key]);
  }
  return copy;
}

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyValue);
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) return nullPrototype(value as Table);
  return value;
}

/** serverapp and clientapp, or from 1.31 on agentapp instead of both (facts 4.1). */
function checkComponents(components: Table): void {
  const names = components.agentapp === undefined ? ['serverapp', 'clientapp'] : ['agentapp'];
  for (const name of names) text(components[name], `tool.flwr.app.components.${name}`, OBJECT_REF);
}

function table(parent: Table, key: string, path = key): Table {
  const value = parent[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) {
    throw invalid(`has no table [${path}]`);
  }
  return value as Table;
}

function text(value: unknown, path: string, pattern: RegExp): string {
  if (typeof value !== 'string') throw invalid(`needs ${path}, a string`);
  if (!pattern.test(value)) throw invalid(`has a ${path} that Flower does not take`);
  return value;
}

function invalid(what: string) {
  return bundleError(
    'BUNDLE_PROJECT_INVALID',
    `The bundle's ${PROJECT} ${what}.`,
    `Correct ${PROJECT} and build again.`,
  );
}
