import { AppError, isAppError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, refuseInsecure } from './control.ts';
import { openLoginStore } from './login-store.ts';

export interface LogoutInput {
  readonly positionals: readonly (string | undefined)[];
  /** Forget the login on this machine without telling the server. */
  readonly local: boolean;
}

export interface LogoutResult {
  readonly address: string;
  /** False where nobody was logged in. */
  readonly loggedOut: boolean;
  /** False where the identity provider could not be told, or was not asked. */
  readonly providerRevoked: boolean;
  /** The login was forgotten here, and its tokens stay good until they end by themselves. */
  readonly localOnly: boolean;
}

/**
 * Ends the session at the server, then forgets it here. Nothing is forgotten where the server can't be told; a SuperLink has
 * no way to be told.
 */
export async function logOut(context: Context, input: LogoutInput): Promise<LogoutResult> {
  const { connection } = await findTarget(context, input.positionals);
  const endpoint = await endpointOf(connection);
  const store = openLoginStore(context, connection, endpoint.rootCertificates);
  const done = (loggedOut: boolean, providerRevoked: boolean, localOnly = false) => ({
    address: connection.address,
    loggedOut,
    providerRevoked,
    localOnly,
  });
  if (input.local) return done(await store.remove(), false, true);
  const login = await store.read().catch((error: unknown) => raiseUnreadable(error));
  if (login === undefined) return done(await store.remove(), false);
  if (login.kind !== 'fedctl') return done(await store.remove(), false, true);
  refuseInsecure(connection);
  const client = await openClient(context, endpoint);
  const { callUnary } = await import('../client/index.ts');
  const method = client.sessions.logout.bind(client.sessions);
  try {
    const answer = await callUnary(client, method, { refreshToken: login.refreshToken.reveal() });
    await store.remove();
    return done(true, answer.providerRevoked);
  } catch (error) {
    // The session has ended already: there is nothing left to keep.
    if (!isAppError(error) || error.code !== 'UNAUTHENTICATED') throw error;
    await store.remove();
    return done(true, true);
  }
}

/** A login that can't be used can't be ended at its server either: that is for the person to decide. */
function raiseUnreadable(error: unknown): never {
  if (!isAppError(error)) throw error;
  const hint = 'Its session goes on at its server. To forget it on this machine all the same: fedctl logout --local';
  throw new AppError(error.code, error.reason, error.message, { hint, cause: error });
}
