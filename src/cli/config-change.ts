import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { AppError, isAppError } from '../core/errors.ts';
import { checkConnectionName, checkFederationId } from '../core/ids.ts';
import { parseAddress } from '../project/address.ts';
import { placesOf, withConnection, withDefault, withoutConnection } from '../project/config-edit.ts';
import {
  type ConnectionFile,
  checkNoTwin,
  configFile,
  flowerHome,
  loadRootCertificates,
  readProjectConnections,
} from '../project/connections.ts';
import { nearMatches } from '../project/near.ts';
import { changeConfig } from './config-file.ts';
import type { Context } from './context.ts';

export interface NewConnection {
  readonly name: string;
  readonly address: string;
  /** As typed, relative to the folder of the command. */
  readonly rootCertificates: string | undefined;
  readonly insecure: boolean;
  readonly federation: string | undefined;
  readonly makeDefault: boolean;
}

/**
 * Adds a connection to config.toml; the first one becomes its default.
 * @returns whether it is the default now
 * @throws INVALID_ARGUMENT ADDRESS_INVALID, CONNECTION_NAME_INVALID, FEDERATION_ID_INVALID; ALREADY_EXISTS CONNECTION_EXISTS;
 *   ROOT_CERTIFICATES_*; as changeConfig does
 */
export async function addConnection(context: Context, input: NewConnection): Promise<{ isDefault: boolean }> {
  const { name, address, insecure } = input;
  checkConnectionName(name);
  const parsed = parseAddress(address);
  if ('problem' in parsed) {
    throw new AppError('INVALID_ARGUMENT', 'ADDRESS_INVALID', `${JSON.stringify(address)} ${parsed.problem}.`, {
      hint: 'For example: --address lab.example.org:9093',
    });
  }
  const federation = input.federation === undefined ? undefined : checkFederationId(input.federation);
  const rootCertificates = await certificatesPath(context, name, input.rootCertificates);
  let isDefault = false;
  await changeConfig(context.env, (text, from) => {
    refuseTaken(from, name);
    isDefault = input.makeDefault || (from.defaultName === undefined && from.names.length === 0);
    const based = isDefault ? withDefault(text, name, from.file) : text;
    return withConnection(based, { name, address, rootCertificates, insecure, federation }, from.file);
  });
  return { isDefault };
}

async function certificatesPath(context: Context, name: string, typed: string | undefined) {
  if (typed === undefined) return undefined;
  const rootCertificates = resolve(context.cwd, typed);
  try {
    await loadRootCertificates({ rootCertificates, name, file: configFile(context.env) });
  } catch (error) {
    if (!isAppError(error)) throw error;
    const hint = "Name the PEM file of the server's certificate authority with --root-certificates.";
    throw new AppError(error.code, error.reason, error.message, { hint, cause: error });
  }
  return rootCertificates;
}

function refuseTaken(from: ConnectionFile, name: string): void {
  checkNoTwin(from, name);
  if (from.section?.table[name] === undefined) return;
  throw new AppError('ALREADY_EXISTS', 'CONNECTION_EXISTS', `${from.file} has a connection "${name}" already.`, {
    hint: `To replace it: fedctl config remove ${name}`,
  });
}

/** Makes a connection of config.toml its default. @throws NOT_FOUND CONNECTION_NOT_FOUND; FAILED_PRECONDITION CONNECTION_IN_PROJECT */
export async function useConnection(context: Context, name: string): Promise<{ before: string | undefined }> {
  const project = await projectPlaces(context, name);
  let before: string | undefined;
  await changeConfig(context.env, (text, from) => {
    if (!from.names.includes(name)) throw project?.useInstead ?? unknown(from, name);
    before = from.defaultName;
    return before === name ? text : withDefault(text, name, from.file);
  });
  return { before };
}

/**
 * Takes a connection out of config.toml.
 * @param force although it is the default, or somebody is logged in by it
 * @throws as {@link useConnection}; FAILED_PRECONDITION CONNECTION_IS_DEFAULT, CONNECTION_HAS_LOGIN
 */
export async function removeConnection(
  context: Context,
  { name, force }: { name: string; force: boolean },
): Promise<{ keptLogin: string | undefined; wasDefault: boolean }> {
  const project = await projectPlaces(context, name);
  const login = storedLogin(context, name);
  let wasDefault = false;
  await changeConfig(context.env, (text, from) => {
    if (!from.names.includes(name)) throw project?.removeInstead ?? unknown(from, name);
    wasDefault = from.defaultName === name;
    if (!force) refuseHasty(from, name, login);
    return withoutConnection(text, { name, andDefault: wasDefault }, from.file);
  });
  return { keptLogin: login, wasDefault };
}

function refuseHasty(from: ConnectionFile, name: string, login: string | undefined): void {
  if (login !== undefined) {
    throw new AppError('FAILED_PRECONDITION', 'CONNECTION_HAS_LOGIN', `There is a login for "${name}": ${login}.`, {
      hint: `End it first: fedctl logout ${name}\nOr leave it as it is: fedctl config remove ${name} --force`,
    });
  }
  const others = from.names.filter((other) => other !== name);
  if (from.defaultName !== name || others.length === 0) return;
  throw new AppError('FAILED_PRECONDITION', 'CONNECTION_IS_DEFAULT', `"${name}" is the default in ${from.file}.`, {
    hint: `Choose another one first: fedctl config use ${others.length === 1 ? others[0] : 'NAME'}`,
  });
}

/** Path of the login of a connection of config.toml, whatever state it is in; else that of another account's. */
function storedLogin({ env }: Context, name: string): string | undefined {
  const folder = join(flowerHome(env), '.credentials');
  const stem = checkConnectionName(name);
  const ours = [`${stem}.json`, `${stem}.meta.json`];
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const found = [
    ...ours.filter((file) => files.includes(file)),
    ...files.filter((file) => file.startsWith(`${stem}~`) && file.endsWith('.json')),
  ];
  return found[0] === undefined ? undefined : join(folder, found[0]);
}

function unknown(from: ConnectionFile, name: string): AppError {
  const near = nearMatches(name, from.names);
  const hint =
    near.length > 0
      ? `Did you mean ${near.join(', ')}?`
      : `There: ${[...from.names].sort().join(', ') || 'none'}. See: fedctl config ls`;
  const text = `${from.file} has no connection ${JSON.stringify(name)}.`;
  return new AppError('NOT_FOUND', 'CONNECTION_NOT_FOUND', text, { hint });
}

/** What to do by hand where a connection stands in pyproject.toml, which we never write; undefined where it does not. */
async function projectPlaces({ cwd }: Context, name: string) {
  const project = await readProjectConnections(cwd);
  if (!project.names.includes(name)) return undefined;
  const section = ['tool', 'flwr', 'federations'];
  const places = placesOf(await readFile(project.file, 'utf8'), section, name);
  const file = relative(cwd, project.file);
  const table = `[${section.join('.')}]`;
  const error = (hint: string) =>
    new AppError(
      'FAILED_PRECONDITION',
      'CONNECTION_IN_PROJECT',
      `"${name}" stands in ${file}, which fedctl leaves to you.`,
      {
        hint,
      },
    );
  const line = places.default;
  return {
    useInstead: error(
      line === undefined
        ? `Add below ${table} in ${file}: default = "${name}"`
        : `Change line ${line} of ${file} to: default = "${name}"`,
    ),
    removeInstead: error(`Delete it there by hand, from line ${places.connection} on.`),
  };
}
