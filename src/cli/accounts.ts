import { resolve } from 'node:path';
import { isAppError } from '../core/errors.ts';
import { type AccountFacts, listAccounts, switchAccount } from '../credentials/accounts.ts';
import { readLoginSettings } from '../credentials/login-settings.ts';
import { caPin } from '../credentials/records.ts';
import { listConnections } from '../project/connection-list.ts';
import { type Connection, loadRootCertificates } from '../project/connections.ts';
import type { Context } from './context.ts';
import { findTarget } from './control.ts';
import { roughTime } from './duration.ts';
import { type ColumnOf, tableOf } from './layout.ts';
import { credentialOptions } from './login-store.ts';

/** A login on this machine, as `auth ls` shows it. */
export interface ShownAccount extends AccountFacts {
  readonly connection: string;
  /** How somebody logged in; empty where that is not remembered. */
  readonly grant: string;
  /** False where the connection names another server by now, or the file is damaged. */
  readonly isUsable: boolean;
}

/** The logins of one connection. No server and no keyring is asked. */
export async function shownAccounts(context: Context, connection: Connection): Promise<readonly ShownAccount[]> {
  const rootCertificates = await loadRootCertificates(connection);
  const accounts = await listAccounts(credentialOptions(context, connection, rootCertificates));
  return accounts.map((facts) => {
    const place = { path: facts.file, origin: connection.address, caPin: caPin(rootCertificates) };
    const { grant = '' } = readLoginSettings(place);
    const isUsable = !facts.isDamaged && facts.server === connection.address;
    return { ...facts, connection: connection.name, grant, isUsable };
  });
}

/** The logins of all connections that a command in this folder could use. Connections that can't be read are told of. */
export async function allAccounts(
  context: Context,
  app: string | undefined,
): Promise<{ accounts: readonly ShownAccount[]; problems: readonly string[] }> {
  const accounts: ShownAccount[] = [];
  const problems: string[] = [];
  for (const { connection } of await listConnections(resolve(context.cwd, app ?? '.'), context.env)) {
    if (connection === undefined) continue;
    try {
      accounts.push(...(await shownAccounts(context, connection)));
    } catch (error) {
      if (!isAppError(error)) throw error;
      problems.push(`${connection.name}: ${error.message}`);
    }
  }
  return { accounts, problems };
}

/** Makes a login the active one of its connection. False where it is that already. */
export async function switchTo(
  context: Context,
  name: string,
  positionals: readonly (string | undefined)[],
): Promise<{ readonly connection: Connection; readonly switched: boolean }> {
  const { connection } = await findTarget(context, positionals);
  const options = credentialOptions(context, connection, await loadRootCertificates(connection));
  return { connection, switched: await switchAccount(options, name) };
}

export function accountDocument(one: ShownAccount) {
  return {
    account: one.name,
    'server-account': one.account === '' ? null : one.account,
    connection: one.connection,
    server: one.server,
    active: one.isActive,
    usable: one.isUsable,
    storage: one.storage,
    'token-expires-in': Math.max(0, Math.floor(one.expiresInMs / 1000)),
    grant: one.grant === '' ? null : one.grant,
  };
}

const COLUMNS: readonly ColumnOf<ShownAccount>[] = [
  { title: '', cell: ({ isActive }) => (isActive ? '*' : '') },
  { title: 'ACCOUNT', shrinks: true, cell: accountCell },
  { title: 'CONNECTION', shrinks: true, cell: ({ connection }) => connection },
  { title: 'SERVER', shrinks: true, cell: ({ server }) => server },
  { title: 'STORAGE', cell: ({ storage }) => storage, drop: 1 },
  { title: 'TOKEN', cell: tokenCell },
  { title: 'GRANT', cell: ({ grant }) => grant, drop: 2 },
];

function accountCell({ name, account }: ShownAccount): string {
  return account === '' || account === name ? name : `${name} (${account})`;
}

function tokenCell({ isUsable, isDamaged, expiresInMs }: ShownAccount): string {
  if (!isUsable) return isDamaged ? 'damaged' : 'other server';
  return expiresInMs > 0 ? `${roughTime(expiresInMs / 1000)} left` : 'renew';
}

export async function accountLines(shown: readonly ShownAccount[], { stdio }: Context): Promise<string[]> {
  return shown.length === 0 ? ['No logins. Log in: fedctl login'] : await tableOf(COLUMNS, shown, stdio);
}
