import type { Endpoint } from '../client/endpoint.ts';
import type { LoginDemands } from '../client/grants/types.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { GrantName, LoginSettings } from '../credentials/login-settings.ts';
import { sweepPending } from '../credentials/pending-logins.ts';
import type { StorageKind } from '../credentials/records.ts';
import { traceOf } from '../credentials/traces.ts';
import type { ChosenStorage } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, openSessionAt, refuseInsecure } from './control.ts';
import { demandsFor, keepingOf, storeOfAccount, useStanding } from './login-account.ts';
import type { PendingResult } from './login-pending.ts';
import { logInAtPlane } from './login-plane.ts';
import type { SecretOnStdin } from './login-secrets.ts';
import { type LoginKeeping, openLoginStore } from './login-store.ts';
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
  /** How the login is to be kept; undefined: as configured. */
  readonly storage: string | undefined;
  /** What the login is called here, beside others; undefined: it takes the place of the active one. */
  readonly account: string | undefined;
}

export interface LoginResult {
  /** Empty where the server doesn't tell: a SuperLink. */
  readonly account: string;
  readonly connection: Connection;
  /** There was a login, and it is still good. */
  readonly already: boolean;
  /** How it is kept. */
  readonly storage: StorageKind;
  /** One that stands was kept in another way before. */
  readonly moved?: boolean;
  /** One that stands was not the one that commands use before. */
  readonly switched?: boolean;
  /** The login goes on later; nobody is logged in yet. */
  readonly pending?: PendingResult | undefined;
}

/** Where somebody logs in. */
export interface LoginPlace {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly input: LoginInput;
  readonly keeping: LoginKeeping & { readonly storage: ChosenStorage };
}

/** Logs in, or finds that somebody is logged in already. A login that fails leaves nothing behind. */
export async function logIn(caller: Context, input: LoginInput): Promise<LoginResult> {
  const context = withoutToken(caller);
  const { connection } = await findTarget(context, input.positionals);
  refuseInsecure(connection);
  refuseOff(connection);
  sweepPending(connection.credentialsPath, context.clock.now());
  const endpoint = await endpointOf(connection);
  const keeping = await keepingOf({ context, connection, endpoint }, input);
  const asker = { ...input, demands: await demandsFor({ context, connection, endpoint }, input) };
  const fresh = { connection, already: false, storage: keeping.storage.kind } as const;
  const place: LoginPlace = { context, connection, endpoint, input: asker, keeping };
  const asked = input.force || input.resume !== undefined;
  const standing = asked ? undefined : await standingLogin(place);
  if (standing !== undefined) {
    const { account, storage: before } = standing;
    const use = await useStanding(place, { input, chosen: keeping.storage, before });
    return { account, connection, already: true, ...use };
  }
  const found = await identify(context, endpoint);
  const clean = traceOf(connection.credentialsPath);
  context.signal.addEventListener('abort', clean, { once: true });
  try {
    // Before anybody is sent to a browser: a login that could not be stored is no use.
    const store = openLoginStore(context, connection, endpoint.rootCertificates, undefined, keeping);
    for (const warning of await store.prepare()) context.note(safeLine(warning));
    if (found.kind === 'fedctl') return { ...fresh, ...(await logInAtPlane(place)) };
    return { account: await logInAtSuperlink(place, found.transport), ...fresh };
  } catch (error) {
    clean();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', clean);
  }
}

/** The login may be good, and can't be opened now: only --force replaces it. */
const UNOPENED = ['PASSPHRASE_WRONG', 'PASSPHRASE_NEEDED', 'KEYRING_UNAVAILABLE', 'AGENT_LOCKED'];

/** The login that still stands at the server; undefined where there is none, or none that is good. */
async function standingLogin(place: LoginPlace): Promise<Pick<LoginResult, 'account' | 'storage'> | undefined> {
  const { context, connection, endpoint, input } = place;
  try {
    const store = await storeOfAccount(place, input.account);
    const login = await store.read();
    if (login === undefined) return undefined;
    const isActive = store.path === connection.credentialsPath;
    const { storage } = login;
    if (login.kind !== 'fedctl') {
      return isActive ? { account: await standsAtSuperlink(place, login.kind), storage } : undefined;
    }
    const client = await openClient(context, endpoint);
    const session = await openSessionAt(context, { connection, endpoint, client, store });
    const me = await session.call(client.sessions.whoAmI.bind(client.sessions), {});
    return { account: safeLine(me.account), storage };
  } catch (error) {
    // A file that is damaged, foreign or refused is what a new login mends, as is a server of another kind than before;
    // an unreachable server it does not mend.
    const mendable = ['UNAUTHENTICATED', 'FAILED_PRECONDITION', 'PERMISSION_DENIED', 'UNIMPLEMENTED'];
    if (isAppError(error) && UNOPENED.includes(error.reason)) throw error;
    if (isAppError(error) && (mendable.includes(error.code) || error.reason === 'SERVER_NOT_GRPC')) return undefined;
    throw error;
  }
}

/** What a login is about is the stored one. */
function withoutToken(context: Context): Context {
  const { FEDCTL_TOKEN: token, FEDCTL_TOKEN_FILE: file, ...env } = context.env;
  if (!token && !file) return context;
  context.note(`${token ? 'FEDCTL_TOKEN' : 'FEDCTL_TOKEN_FILE'} is set: its token goes before this login.`);
  return { ...context, env };
}

function refuseOff(connection: Connection): void {
  if (connection.userAuth !== false) return;
  const text = `The connection "${connection.name}" says that its server has no login.`;
  throw new AppError('FAILED_PRECONDITION', 'LOGIN_OFF', text, {
    hint: `Remove "enable-user-auth = false" from "${connection.name}" in ${connection.file}.`,
  });
}
