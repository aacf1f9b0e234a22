import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import {
  type Connection,
  type ConnectionFile,
  parseConnection,
  readConfigConnections,
  readProjectConnections,
} from './connections.ts';

/** What `[APP] [FEDERATION]` of a command mean (design: CLI contract). */
export interface Target {
  /** Folder that APP names, absolute. */
  readonly appDir: string;
  /** The same where it holds a pyproject.toml, else undefined. */
  readonly projectDir: string | undefined;
  readonly connection: Connection;
}

export interface TargetInput {
  /** At most two: APP and FEDERATION. */
  readonly positionals: readonly (string | undefined)[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Both files that connections come from, the one that goes first first. */
export interface Sources {
  readonly appDir: string;
  readonly project: ConnectionFile & { readonly exists: boolean };
  readonly config: ConnectionFile;
}

/**
 * Finds the app and the connection that a command is about. APP defaults to `.`; a single positional that is no folder
 * but a connection is FEDERATION. On equal names pyproject.toml wins; outside a project there is config.toml only.
 * @throws NOT_FOUND APP_NOT_FOUND, CONNECTION_NOT_FOUND; INVALID_ARGUMENT TARGET_AMBIGUOUS, CONNECTION_MISSING and
 *   what {@link parseConnection} throws
 */
export async function resolveTarget({ positionals, cwd, env }: TargetInput): Promise<Target> {
  const [first, second] = positionals.filter((text) => text !== undefined && text !== '');
  const { sources, name } = await readPositionals(first, second, { cwd, env });
  const chosen = name ?? defaultConnection(sources);
  const from = fileOf(sources, chosen);
  const projectDir = sources.project.exists ? sources.appDir : undefined;
  return { appDir: sources.appDir, projectDir, connection: parseConnection(from, chosen, { env, projectDir }) };
}

async function readPositionals(
  first: string | undefined,
  second: string | undefined,
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<{ sources: Sources; name: string | undefined }> {
  const here = () => readSources(cwd, env);
  if (first === undefined) return { sources: await here(), name: undefined };
  const dir = resolve(cwd, first);
  if (await isFolder(dir)) {
    if (second === undefined) await checkUnambiguous(first, dir, await here());
    return { sources: await readSources(dir, env), name: second };
  }
  if (second !== undefined) throw appNotFound(first, '');
  const sources = await here();
  if (namesOf(sources).includes(first)) return { sources, name: first };
  throw appNotFound(first, ' and no connection', offer(sources));
}

/** A folder that is no app but shares a connection's name: guessing could reach the wrong server. */
async function checkUnambiguous(text: string, dir: string, sources: Sources): Promise<void> {
  if (!namesOf(sources).includes(text) || (await isFile(join(dir, 'pyproject.toml')))) return;
  throw new AppError('INVALID_ARGUMENT', 'TARGET_AMBIGUOUS', `"${text}" is a folder and a connection.`, {
    hint: `Say ". ${text}" for the connection, or "./${text}" for the folder.`,
  });
}

/** What `DIR/pyproject.toml` and config.toml hold. @throws as {@link readProjectConnections} */
export async function readSources(appDir: string, env: NodeJS.ProcessEnv): Promise<Sources> {
  const [project, config] = await Promise.all([readProjectConnections(appDir), readConfigConnections(env)]);
  return { appDir, project, config };
}

function namesOf({ project, config }: Sources): string[] {
  return [...new Set([...project.names, ...config.names])];
}

/**
 * The connection that is meant where none is named: the default of pyproject.toml, else its only one, else the default of
 * config.toml, else its only one. Where pyproject.toml has several and no default, undefined: guessing could reach the
 * wrong server.
 */
export function defaultOf(sources: Pick<Sources, 'project' | 'config'>): string | undefined {
  for (const { names, defaultName } of [sources.project, sources.config]) {
    if (defaultName !== undefined) return defaultName;
    if (names.length === 1) return names[0];
    if (names.length > 1) return undefined;
  }
  return undefined;
}

function defaultConnection(sources: Sources): string {
  const name = defaultOf(sources);
  if (name !== undefined) return name;
  throw new AppError('INVALID_ARGUMENT', 'CONNECTION_MISSING', 'No connection was named and there is no default.', {
    hint: offer(sources),
  });
}

function fileOf(sources: Sources, name: string): ConnectionFile {
  const from = [sources.project, sources.config].find(({ names }) => names.includes(name));
  if (from) return from;
  throw new AppError('NOT_FOUND', 'CONNECTION_NOT_FOUND', `There is no connection ${JSON.stringify(name)}.`, {
    hint: offer(sources),
  });
}

/** What there is to name, or where to add one: a hint. */
export function offer(sources: Sources): string {
  const names = namesOf(sources);
  if (names.length > 0) return `Connections here: ${names.sort().join(', ')}.`;
  const own = `Or [tool.flwr.federations.NAME] in ${sources.project.file}, with address = "host:port".`;
  return `Add one: fedctl config add NAME --address host:port${sources.project.exists ? `\n${own}` : ''}`;
}

function appNotFound(text: string, also: string, hint?: string): AppError {
  const message = `${JSON.stringify(text)} is no folder${also}.`;
  return new AppError('NOT_FOUND', 'APP_NOT_FOUND', message, hint === undefined ? {} : { hint });
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await statOf(path))?.isFile() ?? false;
}

async function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}
