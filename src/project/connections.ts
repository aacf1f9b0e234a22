import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import { checkConnectionName, FEDERATION_ID } from '../core/ids.ts';
import type { RunConfig } from '../core/runs.ts';
import { parseAddress } from './address.ts';
import { parseToml, readTomlFile } from './toml.ts';
import {
  fieldError,
  flattenTable,
  isTable,
  optionalBoolean,
  optionalString,
  subTable,
  type TableAt,
} from './toml-fields.ts';

/** The CLI's entry for one control plane (facts 4.1 and 4.3). */
export interface Connection {
  readonly name: string;
  readonly source: 'pyproject' | 'config';
  /** The file that holds it, absolute. */
  readonly file: string;
  /** `host:port`, as the file spells it; IPv6 in brackets. */
  readonly address: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Absolute path of the PEM file; undefined = the system's roots. Load with {@link loadRootCertificates}. */
  readonly rootCertificates: string | undefined;
  /** No TLS. */
  readonly insecure: boolean;
  /** `enable-user-auth` or `enable-account-auth`; undefined = ask the server. */
  readonly userAuth: boolean | undefined;
  /** `@owner/name`; undefined = the server's default. */
  readonly federation: string | undefined;
  /** `options.*`, flattened. */
  readonly options: RunConfig;
  /** Folder of the project; undefined outside one. */
  readonly projectDir: string | undefined;
  readonly credentialsPath: string;
}

/** All entries of one file; parsed one by one, so that a bad one harms only itself. */
export interface ConnectionFile {
  readonly source: Connection['source'];
  readonly file: string;
  /** `[tool.flwr.federations]` or `[superlink]`; undefined where there is none. */
  readonly section: TableAt | undefined;
  /** The `default` key. */
  readonly defaultName: string | undefined;
  readonly names: readonly string[];
}

/** `$FLWR_HOME`, or `~/.flwr`. Absolute. */
export function flowerHome(env: NodeJS.ProcessEnv): string {
  const home = env.FLWR_HOME;
  return home ? resolve(home) : join(env.HOME || homedir(), '.flwr');
}

/** The connections of `DIR/pyproject.toml`. `exists` is false where there is no such file. */
export async function readProjectConnections(dir: string): Promise<ConnectionFile & { readonly exists: boolean }> {
  const file = join(dir, 'pyproject.toml');
  const table = await readTomlFile(file);
  const section = table && subTable({ file, path: '', table }, 'tool.flwr.federations');
  return { ...describeFile('pyproject', file, section), exists: table !== undefined };
}

export function configFile(env: NodeJS.ProcessEnv): string {
  return join(flowerHome(env), 'config.toml');
}

/** The connections of a config.toml that reads `text`. */
export function configConnections(text: string, file: string): ConnectionFile {
  return describeFile('config', file, subTable({ file, path: '', table: parseToml(text, file) }, 'superlink'));
}

/** The connections of `$FLWR_HOME/config.toml`. */
export async function readConfigConnections(env: NodeJS.ProcessEnv): Promise<ConnectionFile> {
  const file = configFile(env);
  const table = await readTomlFile(file);
  return describeFile('config', file, table && subTable({ file, path: '', table }, 'superlink'));
}

function describeFile(source: Connection['source'], file: string, section: TableAt | undefined): ConnectionFile {
  const names = section ? Object.keys(section.table).filter((key) => isTable(section.table[key])) : [];
  return { source, file, section, defaultName: section && optionalString(section, 'default'), names };
}

/**
 * The entry `name` of a file, validated.
 * @param projectDir folder of the project that the command runs in, if any
 * @throws INVALID_ARGUMENT CONFIG_INVALID, CONNECTION_NAME_INVALID; FAILED_PRECONDITION CONNECTION_IS_SIMULATION
 */
export function parseConnection(
  from: ConnectionFile,
  name: string,
  { env, projectDir }: { env: NodeJS.ProcessEnv; projectDir: string | undefined },
): Connection {
  checkConnectionName(name);
  const at = from.section && entryOf(from.section, name);
  if (!at) throw new AppError('NOT_FOUND', 'CONNECTION_NOT_FOUND', `${from.file}: there is no connection "${name}".`);
  checkNoTwin(from, name);
  const address = requireAddress(at, name);
  const insecure = optionalBoolean(at, 'insecure') ?? false;
  const base = from.source === 'pyproject' ? resolve(from.file, '..') : flowerHome(env);
  const options = subTable(at, 'options');
  return {
    name,
    source: from.source,
    file: from.file,
    ...address,
    rootCertificates: rootCertificatesPath(at, from.source, insecure),
    insecure,
    userAuth: optionalBoolean(at, 'enable-account-auth') ?? optionalBoolean(at, 'enable-user-auth'),
    federation: federationOf(at),
    options: options ? flattenTable(options) : {},
    projectDir,
    credentialsPath: join(from.source === 'pyproject' ? join(base, '.flwr') : base, '.credentials', `${name}.json`),
  };
}

function entryOf(section: TableAt, name: string): TableAt | undefined {
  const table = section.table[name];
  return isTable(table) ? { file: section.file, path: `${section.path}.${name}`, table } : undefined;
}

/**
 * On a file system that folds case, `Lab` and `lab` would share one credential file (security.md CF-03).
 * @throws INVALID_ARGUMENT CONNECTION_NAME_INVALID
 */
export function checkNoTwin(from: Pick<ConnectionFile, 'file' | 'names'>, name: string): void {
  const twin = from.names.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
  if (twin === undefined) return;
  throw new AppError(
    'INVALID_ARGUMENT',
    'CONNECTION_NAME_INVALID',
    `${from.file}: the connections "${name}" and "${twin}" differ in case only.`,
    { hint: 'Rename one of them.' },
  );
}

function requireAddress(at: TableAt, name: string): Pick<Connection, 'address' | 'host' | 'port'> {
  const address = optionalString(at, 'address');
  const simulation = address === undefined ? at.table.options !== undefined : address.startsWith(':local');
  if (simulation) {
    throw new AppError(
      'FAILED_PRECONDITION',
      'CONNECTION_IS_SIMULATION',
      `${at.file}: [${at.path}] is a local simulation, which has no server to talk to.`,
      { hint: `Set address = "host:port" in [${at.path}], or name another connection. flwr runs simulations.` },
    );
  }
  if (address === undefined) {
    const keys = Object.keys(at.table).join(', ') || 'none';
    throw fieldError(at, 'address', `is missing (keys found: ${keys})`, `Set address = "host:port" for "${name}".`);
  }
  const parsed = parseAddress(address);
  if ('problem' in parsed) throw fieldError(at, 'address', `${JSON.stringify(address)} ${parsed.problem}`);
  return { address, ...parsed };
}

function rootCertificatesPath(at: TableAt, source: Connection['source'], insecure: boolean): string | undefined {
  const path = optionalString(at, 'root-certificates');
  if (path === undefined) return undefined;
  if (path.trim() === '') throw fieldError(at, 'root-certificates', 'must not be empty');
  if (insecure)
    throw fieldError(at, 'root-certificates', "can't be used with insecure = true", 'Remove one of the two.');
  if (source === 'config' && !isAbsolute(path)) throw fieldError(at, 'root-certificates', 'must be an absolute path');
  return resolve(at.file, '..', path);
}

function federationOf(at: TableAt): string | undefined {
  const federation = optionalString(at, 'federation');
  if (federation === undefined || FEDERATION_ID.test(federation)) return federation;
  throw fieldError(at, 'federation', `must look like @owner/name, not ${JSON.stringify(federation)}`);
}

/**
 * The PEM that the connection trusts, or undefined for the system's roots.
 * @throws FAILED_PRECONDITION ROOT_CERTIFICATES_UNREADABLE, ROOT_CERTIFICATES_INVALID
 */
export async function loadRootCertificates(
  connection: Pick<Connection, 'rootCertificates' | 'file' | 'name'>,
): Promise<Buffer | undefined> {
  const path = connection.rootCertificates;
  if (path === undefined) return undefined;
  const where = `root-certificates of "${connection.name}" in ${connection.file}`;
  let pem: Buffer;
  try {
    pem = await readFile(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? "doesn't exist" : "can't be read";
    throw new AppError('FAILED_PRECONDITION', 'ROOT_CERTIFICATES_UNREADABLE', `${path} ${why}.`, {
      hint: `Correct ${where}.`,
      cause: error,
    });
  }
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new AppError('FAILED_PRECONDITION', 'ROOT_CERTIFICATES_INVALID', `${path} holds no PEM certificate.`, {
    hint: `Correct ${where}.`,
  });
}
