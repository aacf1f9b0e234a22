import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import { type LoginStore, notLoggedIn } from '../client/login.ts';
import type { Remote } from '../client/remote.ts';
import type { Session } from '../client/session.ts';
import { AppError } from '../core/errors.ts';
import { type Connection, loadRootCertificates } from '../project/connections.ts';
import { resolveTarget, type Target } from '../project/target.ts';
import type { Context } from './context.ts';
import { openLoginStore } from './login-store.ts';

/** The server that a command talks to. */
export interface Control {
  readonly target: Target;
  readonly connection: Connection;
  readonly remote: Remote;
}

/** A control plane of ours, as whoever is logged in there: what only it can be asked. */
export interface Plane extends Control {
  readonly client: Client;
  readonly session: Session;
}

/** The connection that `[APP] [FEDERATION]` name. Reads files only. */
export async function findTarget(context: Context, positionals: readonly (string | undefined)[]): Promise<Target> {
  return await resolveTarget({ positionals, cwd: context.cwd, env: context.env });
}

/** Positionals for `--app` and `--connection`. */
export function positionalsOf(flags: { app?: string | undefined; connection?: string | undefined }) {
  return flags.connection === undefined ? [flags.app] : [flags.app ?? '.', flags.connection];
}

/**
 * Opens the server that the arguments name.
 * @throws UNAUTHENTICATED NOT_LOGGED_IN, INVALID_ARGUMENT INSECURE_REFUSED, and what reading the project throws
 */
export async function openControl(context: Context, positionals: readonly (string | undefined)[]): Promise<Control> {
  return await openPlane(context, positionals);
}

/**
 * Opens the control plane that the arguments name. Whether somebody is logged in is looked at before gRPC is loaded.
 * @throws as {@link openControl} does
 */
export async function openPlane(context: Context, positionals: readonly (string | undefined)[]): Promise<Plane> {
  const target = await findTarget(context, positionals);
  refuseInsecure(target.connection);
  const endpoint = await endpointOf(target.connection);
  const store = openLoginStore(target.connection, endpoint.rootCertificates);
  if ((await store.read()) === undefined) throw notLoggedIn();
  const client = await openClient(context, endpoint);
  const session = await openSessionOf(context, client, store);
  const { fedctlRemote } = await import('../client/index.ts');
  return { target, connection: target.connection, remote: fedctlRemote({ client, session }), client, session };
}

/** The session of whoever is logged in by `store`. */
export async function openSessionOf(context: Context, client: Client, store: LoginStore): Promise<Session> {
  const { openSession } = await import('../client/index.ts');
  const warn = (sentence: string) => context.note(`Warning: ${sentence}`);
  return openSession({ client, store, clock: context.clock, warn });
}

/** A channel to a server, closed when the command ends. Loads gRPC. */
export async function openClient(context: Context, endpoint: Endpoint): Promise<Client> {
  const { connect } = await import('../client/index.ts');
  const client = connect(endpoint, { userAgent: context.program.replace(' ', '/') });
  context.atEnd(() => client.close());
  return client;
}

export async function endpointOf(connection: Connection): Promise<Endpoint> {
  return {
    address: connection.address,
    rootCertificates: await loadRootCertificates(connection),
    insecure: connection.insecure,
  };
}

/** Tokens never cross a plain connection, not even on this machine (security.md T-20). */
export function refuseInsecure(connection: Connection): void {
  if (!connection.insecure) return;
  throw new AppError(
    'FAILED_PRECONDITION',
    'INSECURE_REFUSED',
    `The connection "${connection.name}" says "insecure = true".`,
    {
      hint: `Logins need TLS: remove "insecure" from "${connection.name}" in ${connection.file} and set root-certificates.`,
    },
  );
}
