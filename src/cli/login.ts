import { hostname } from 'node:os';
import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import { loginOf, type NewLogin } from '../client/login.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { CredentialFile } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, openSessionOf, refuseInsecure } from './control.ts';
import { pendingScreen } from './login-screen.ts';
import { openLoginStore } from './login-store.ts';
import { identify } from './superlink.ts';
import { logInAtSuperlink, standsAtSuperlink } from './superlink-login.ts';
import { safeLine } from './text.ts';

export interface LoginInput {
  readonly positionals: readonly (string | undefined)[];
  /** Log in anew although there is a login. */
  readonly force: boolean;
  /** Undefined: open a browser where somebody can see it. */
  readonly launchBrowser: boolean | undefined;
  /** Alias of the identity provider; empty for the server's first. */
  readonly provider: string;
}

export interface LoginResult {
  /** Empty where the server doesn't tell: a SuperLink. */
  readonly account: string;
  readonly connection: Connection;
  /** There was a login, and it is still good. */
  readonly already: boolean;
}

/** Where somebody logs in. */
export interface LoginPlace {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly input: LoginInput;
}

/** Logs in by the device grant, or finds that somebody is logged in already. */
export async function logIn(context: Context, input: LoginInput): Promise<LoginResult> {
  const { connection } = await findTarget(context, input.positionals);
  refuseInsecure(connection);
  refuseOff(connection);
  const endpoint = await endpointOf(connection);
  const place: LoginPlace = { context, connection, endpoint, input };
  const standing = input.force ? undefined : await standingAccount(place);
  if (standing !== undefined) return { account: standing, connection, already: true };
  const found = await identify(context, endpoint);
  // Before anybody is sent to a browser: a login that could not be stored is no use.
  const store = openLoginStore(context, connection, endpoint.rootCertificates);
  for (const warning of await store.prepare()) context.note(safeLine(warning));
  const account = found.kind === 'fedctl' ? await logInAtPlane(place) : await logInAtSuperlink(place, found.transport);
  return { account, connection, already: false };
}

async function logInAtPlane({ context, connection, endpoint, input }: LoginPlace): Promise<string> {
  const store = openLoginStore(context, connection, endpoint.rootCertificates, 'fedctl');
  const client = await openClient(context, endpoint);
  const { grants } = await import('../client/grants/index.ts');
  const screen = pendingScreen(context, connection, input.launchBrowser);
  try {
    const tokens = await grants['device-code']({
      client,
      provider: input.provider,
      program: context.program,
      host: hostname(),
      clock: context.clock,
      signal: context.signal,
      show: screen.show,
    });
    const login = loginOf(tokens, (text) => new Secret(text));
    await keep(client, store, login);
    return safeLine(login.account);
  } finally {
    screen.end();
  }
}

/** Stores a new login; where that fails, a session whose tokens nobody holds is ended. */
async function keep(client: Client, store: CredentialFile, login: NewLogin): Promise<void> {
  try {
    await store.write(login);
  } catch (error) {
    const { callUnary } = await import('../client/index.ts');
    const logout = client.sessions.logout.bind(client.sessions);
    await callUnary(client, logout, { refreshToken: login.refreshToken.reveal() }).catch(() => {});
    throw error;
  }
}

/** The account whose login still stands at the server; undefined where there is none, or none that is good. */
async function standingAccount(place: LoginPlace): Promise<string | undefined> {
  const { context, connection, endpoint } = place;
  try {
    const login = await openLoginStore(context, connection, endpoint.rootCertificates).read();
    if (login === undefined) return undefined;
    if (login.kind !== 'fedctl') return await standsAtSuperlink(place, login.kind);
    const client = await openClient(context, endpoint);
    const session = await openSessionOf(
      context,
      client,
      openLoginStore(context, connection, endpoint.rootCertificates, 'fedctl'),
    );
    const me = await session.call(client.sessions.whoAmI.bind(client.sessions), {});
    return safeLine(me.account);
  } catch (error) {
    // A file that is damaged, foreign or refused is what a new login mends, as is a server of another kind than before;
    // an unreachable server it does not mend.
    const mendable = ['UNAUTHENTICATED', 'FAILED_PRECONDITION', 'PERMISSION_DENIED', 'UNIMPLEMENTED'];
    if (isAppError(error) && (mendable.includes(error.code) || error.reason === 'SERVER_NOT_GRPC')) return undefined;
    throw error;
  }
}

function refuseOff(connection: Connection): void {
  if (connection.userAuth !== false) return;
  const text = `The connection "${connection.name}" says that its server has no login.`;
  throw new AppError('FAILED_PRECONDITION', 'LOGIN_OFF', text, {
    hint: `Remove "enable-user-auth = false" from "${connection.name}" in ${connection.file}.`,
  });
}
