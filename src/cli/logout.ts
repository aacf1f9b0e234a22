import { AppError, isAppError } from '../core/errors.ts';
import { type AccountFacts, listAccounts } from '../credentials/accounts.ts';
import { sweepPending } from '../credentials/pending-logins.ts';
import type { CredentialFile, Credentials } from '../credentials/types.ts';
import type { LogoutResponse } from '../gen/fedctl/v1/sessions.ts';
import { listConnections } from '../project/connection-list.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, refuseInsecure } from './control.ts';
import { credentialOptions, openLoginStore } from './login-store.ts';

export interface LogoutInput {
  readonly positionals: readonly (string | undefined)[];
  /** Forget the login on this machine without telling the server. */
  readonly local: boolean;
  /** What the login is called here; undefined: the active one. */
  readonly account: string | undefined;
}

export interface LogoutResult {
  readonly connection: string;
  /** What the login is called here; empty where there was none. */
  readonly account: string;
  readonly address: string;
  /** False where nobody was logged in. */
  readonly loggedOut: boolean;
  /** False where the identity provider could not be told, or was not asked. */
  readonly providerRevoked: boolean;
  /** The login was forgotten here, and its tokens stay good until they end by themselves. */
  readonly localOnly: boolean;
  /** Where a browser ends the person's session at the identity provider; empty where there is no such page. */
  readonly endSessionUrl: string;
  /** Logins of this connection that are left. */
  readonly others: readonly string[];
}

/** One of several that were to be logged out. */
export type LogoutOutcome =
  | LogoutResult
  | { readonly connection: string; readonly account: string; readonly error: AppError };

/**
 * Ends a session at the server, then forgets it here. Nothing is forgotten where the server can't be told; a SuperLink has
 * no way to be told.
 * @throws NOT_FOUND ACCOUNT_NOT_HERE
 */
export async function logOut(context: Context, input: LogoutInput): Promise<LogoutResult> {
  const { connection } = await findTarget(context, input.positionals);
  const names = await accountsOf(context, connection);
  const known = names.find((one) => (input.account === undefined ? one.isActive : one.name === input.account));
  if (known === undefined && input.account !== undefined) throw notHere(input.account);
  return await logOutOne(context, connection, known, input.local);
}

/** Ends all sessions that this project and $FLWR_HOME know of, one after the other, whatever becomes of each. */
export async function logOutEverywhere(
  context: Context,
  { local }: { local: boolean },
): Promise<readonly LogoutOutcome[]> {
  const outcomes: LogoutOutcome[] = [];
  for (const { name, connection, problem } of await listConnections(context.cwd, context.env)) {
    if (problem !== undefined && problem.reason !== 'CONNECTION_IS_SIMULATION') {
      outcomes.push({ connection: name, account: '', error: problem });
    }
    if (connection === undefined) continue;
    outcomes.push(...(await logOutAll(context, connection, local)));
  }
  return outcomes;
}

async function logOutAll(context: Context, connection: Connection, local: boolean): Promise<LogoutOutcome[]> {
  const outcomes: LogoutOutcome[] = [];
  const attempt = async <T>(account: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isAppError(error)) throw error;
      outcomes.push({ connection: connection.name, account, error });
      return undefined;
    }
  };
  const accounts = (await attempt('', () => accountsOf(context, connection))) ?? [];
  for (const one of accounts) {
    const result = await attempt(one.name, () => logOutOne(context, connection, one, local));
    if (result !== undefined) outcomes.push(result);
  }
  return outcomes;
}

async function accountsOf(context: Context, connection: Connection): Promise<readonly AccountFacts[]> {
  const { rootCertificates } = await endpointOf(connection);
  return await listAccounts(credentialOptions(context, connection, rootCertificates));
}

async function logOutOne(
  context: Context,
  connection: Connection,
  known: AccountFacts | undefined,
  local: boolean,
): Promise<LogoutResult> {
  const { rootCertificates } = await endpointOf(connection);
  const account = known === undefined || known.isActive ? undefined : known.name;
  const store = openLoginStore(context, connection, rootCertificates, undefined, { account });
  const ended = await endLogin(context, connection, store, local);
  sweepPending(connection.credentialsPath, context.clock.now());
  const others = (await accountsOf(context, connection)).map((one) => one.name);
  return { connection: connection.name, account: known?.name ?? '', address: connection.address, others, ...ended };
}

type Ended = Pick<LogoutResult, 'loggedOut' | 'providerRevoked' | 'localOnly' | 'endSessionUrl'>;

async function endLogin(
  context: Context,
  connection: Connection,
  store: CredentialFile,
  local: boolean,
): Promise<Ended> {
  const done = (loggedOut: boolean, { providerRevoked = false, localOnly = false, endSessionUrl = '' } = {}) => ({
    loggedOut,
    providerRevoked,
    localOnly,
    endSessionUrl,
  });
  if (local) return done(await store.remove(), { localOnly: true });
  const login = await store.read().catch((error: unknown) => raiseUnreadable(error));
  if (login === undefined) return done(await store.remove());
  // A SuperLink can't be told; a login without tokens has no session that could be named.
  if (login.kind !== 'fedctl' || login.accessToken.reveal() === '')
    return done(await store.remove(), { localOnly: true });
  refuseInsecure(connection);
  try {
    const answer = await endSession(context, connection, login);
    await store.remove();
    return done(true, answer);
  } catch (error) {
    // The session has ended already: there is nothing left to keep.
    if (!isAppError(error) || error.code !== 'UNAUTHENTICATED') throw error;
    await store.remove();
    return done(true, { providerRevoked: true });
  }
}

/** Without a refresh token the access token names the session. */
async function endSession(context: Context, connection: Connection, login: Credentials): Promise<LogoutResponse> {
  const client = await openClient(context, await endpointOf(connection));
  const { callUnary } = await import('../client/index.ts');
  const method = client.sessions.logout.bind(client.sessions);
  const refreshToken = login.refreshToken.reveal();
  const options = refreshToken === '' ? { token: login.accessToken.reveal() } : {};
  return await callUnary(client, method, { refreshToken }, options);
}

/** A login that can't be used can't be ended at its server either: that is for the person to decide. */
function raiseUnreadable(error: unknown): never {
  if (!isAppError(error)) throw error;
  const hint = 'Its session goes on at its server. To forget it on this machine all the same: fedctl logout --local';
  throw new AppError(error.code, error.reason, error.message, { hint, cause: error });
}

function notHere(name: string): AppError {
  return new AppError('NOT_FOUND', 'ACCOUNT_NOT_HERE', `There is no login called "${name}" for this connection.`, {
    hint: 'See what there is: fedctl auth ls',
  });
}
