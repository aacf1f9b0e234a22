import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { type AppError, isAppError } from '../core/errors.ts';
import { listAccounts } from '../credentials/accounts.ts';
import type { ListedConnection } from '../project/connection-list.ts';
import { type Connection, flowerHome, loadRootCertificates } from '../project/connections.ts';
import type { Context } from './context.ts';
import { credentialOptions, openLoginStore } from './login-store.ts';
import { type Column, tableLines } from './table.ts';
import { safeLine } from './text.ts';

/** Who is logged in by a connection, as far as this machine knows; no server is asked. */
export interface LoginState {
  readonly state: 'none' | 'stored' | 'unusable';
  readonly account: string | undefined;
  readonly problem: AppError | undefined;
}

const NO_LOGIN: LoginState = { state: 'none', account: undefined, problem: undefined };

/** A login that is sealed stays so: nobody is asked for its key. */
export async function loginStateOf(connection: Connection | undefined): Promise<LoginState> {
  if (connection === undefined) return NO_LOGIN;
  try {
    const roots = await loadRootCertificates(connection);
    const edges = { env: process.env };
    const accounts = await listAccounts(credentialOptions(edges, connection, roots));
    const active = accounts.find(({ isActive }) => isActive);
    const isSealed = active !== undefined && !['file', 'none'].includes(active.storage);
    const asks = isSealed && active.server === connection.address;
    const login = asks ? active : await openLoginStore(edges, connection, roots).read();
    return login === undefined ? NO_LOGIN : { ...NO_LOGIN, state: 'stored', account: login.account };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { state: 'unusable', account: undefined, problem: error };
  }
}

/** A file as a person names it: from here, or from the home folder. */
export function shortPath(path: string, { cwd, env }: Pick<Context, 'cwd' | 'env'>): string {
  const here = relative(cwd, path);
  if (!here.startsWith('..')) return here;
  const fromHome = relative(env.HOME || homedir(), path);
  return fromHome.startsWith('..') ? path : join('~', fromHome);
}

export interface ShownConnection {
  readonly listed: ListedConnection;
  readonly login: LoginState;
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'NAME', shrinks: true },
  { title: 'ADDRESS', shrinks: true },
  { title: 'TLS' },
  { title: 'DEFINED IN', shrinks: true, drop: 1 },
  { title: 'LOGGED IN AS', shrinks: true },
];

/** One line each, then what is wrong, then which of them a command takes. */
export async function connectionLines(
  shown: readonly ShownConnection[],
  context: Pick<Context, 'cwd' | 'env' | 'stdio'>,
): Promise<string[]> {
  const { columns: width, unicode } = context.stdio;
  const rows = shown.map(({ listed, login }) => [
    listed.isDefault ? '*' : '',
    listed.name,
    addressText(listed),
    tlsText(listed.connection),
    shortPath(listed.file, context),
    login.account || { none: '-', stored: 'yes', unusable: 'unusable' }[login.state],
  ]);
  return [
    ...(await tableLines(COLUMNS, rows, { width, unicode })),
    ...shown.flatMap(({ listed, login }) => noteLines(listed, login)),
    '',
    'Taken in this order: the argument FEDERATION; the default or only connection of',
    'pyproject.toml; that of config.toml. On equal names pyproject.toml goes first.',
  ];
}

function isSimulation({ problem }: ListedConnection): boolean {
  return problem?.reason === 'CONNECTION_IS_SIMULATION';
}

function addressText(listed: ListedConnection): string {
  return isSimulation(listed) ? 'simulation' : (listed.address ?? '?');
}

function tlsMode(connection: Connection | undefined): 'none' | 'system' | 'file' | null {
  if (connection === undefined) return null;
  if (connection.insecure) return 'none';
  return connection.rootCertificates === undefined ? 'system' : 'file';
}

function tlsText(connection: Connection | undefined): string {
  const mode = tlsMode(connection);
  return mode === null ? '-' : { none: 'none', system: 'system', file: 'CA file' }[mode];
}

function noteLines(listed: ListedConnection, login: LoginState): string[] {
  const problems = [isSimulation(listed) ? undefined : listed.problem, login.problem];
  const shadowed = `"${listed.name}" of ${listed.file} is shadowed by the one in pyproject.toml.`;
  const notes = problems.filter((one) => one !== undefined).map(({ message }) => message);
  return [...notes, ...(listed.isShadowed ? [shadowed] : [])].map((note) => `Note: ${safeLine(note)}`);
}

export function connectionDocument({ listed, login }: ShownConnection) {
  const { name, source, file, address = null, connection, problem, isDefault, isShadowed } = listed;
  return {
    name,
    address,
    tls: tlsMode(connection),
    'root-certificates': connection?.rootCertificates ?? null,
    federation: connection?.federation ?? null,
    source,
    file,
    default: isDefault,
    shadowed: isShadowed,
    login: login.state,
    account: login.account === undefined ? null : safeLine(login.account),
    problem: problemOf(problem ?? login.problem),
  };
}

function problemOf(problem: AppError | undefined) {
  return problem === undefined ? null : { code: problem.reason, message: safeLine(problem.message) };
}

/** Where connections of this user stand: for messages. */
export function configPath(context: Pick<Context, 'cwd' | 'env'>): string {
  return shortPath(join(flowerHome(context.env), 'config.toml'), context);
}
