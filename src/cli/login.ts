import type { Endpoint } from '../client/endpoint.ts';
import type { LoginDemands } from '../client/grants/types.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { GrantName, LoginSettings } from '../credentials/login-settings.ts';
import { traceOf } from '../credentials/traces.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, openSessionAt, refuseInsecure } from './control.ts';
import type { PendingResult } from './login-pending.ts';
import { logInAtPlane } from './login-plane.ts';
import type { SecretOnStdin } from './login-secrets.ts';
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
  /** One line per change, for screen readers. */
  readonly plain: boolean;
  /** Undefined: as the last time, else "auto". */
  readonly grant: GrantName | 'auto' | undefined;
  /** What was typed; the rest is as it was the last time. */
  readonly settings: LoginSettings;
  readonly demands: LoginDemands;
  /** What stands on standard input; undefined: nothing of ours. */
  readonly stdin: SecretOnStdin | undefined;
  /** Wait for a person no longer than this, in seconds; undefined = as long as the server allows. */
  readonly timeout: number | undefined;
  /** False: start the login, and leave its end to `resume`. */
  readonly wait: boolean;
  /** Id of a login that was started with `wait` false, or "latest". */
  readonly resume: string | undefined;
}

export interface LoginResult {
  /** Empty where the server doesn't tell: a SuperLink. */
  readonly account: string;
  readonly connection: Connection;
  /** There was a login, and it is still good. */
  readonly already: boolean;
  /** The login goes on later; nobody is logged in yet. */
  readonly pending?: PendingResult | undefined;
}

/** Where somebody logs in. */
export interface LoginPlace {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly input: LoginInput;
}

/** Logs in, or finds that somebody is logged in already. A login that fails leaves nothing behind. */
export async function logIn(context: Context, input: LoginInput): Promise<LoginResult> {
  const { connection } = await findTarget(context, input.positionals);
  refuseInsecure(connection);
  refuseOff(connection);
  const endpoint = await endpointOf(connection);
  const place: LoginPlace = { context, connection, endpoint, input };
  const asked = input.force || input.resume !== undefined;
  const standing = asked ? undefined : await standingAccount(place);
  if (standing !== undefined) return { account: standing, connection, already: true };
  const found = await identify(context, endpoint);
  const clean = traceOf(connection.credentialsPath);
  context.signal.addEventListener('abort', clean, { once: true });
  try {
    // Before anybody is sent to a browser: a login that could not be stored is no use.
    const store = openLoginStore(context, connection, endpoint.rootCertificates);
    for (const warning of await store.prepare()) context.note(safeLine(warning));
    if (found.kind === 'fedctl') return { connection, already: false, ...(await logInAtPlane(place)) };
    return { account: await logInAtSuperlink(place, found.transport), connection, already: false };
  } catch (error) {
    clean();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', clean);
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
    const session = await openSessionAt(context, { connection, endpoint, client });
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
