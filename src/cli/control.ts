import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import { notLoggedIn } from '../client/login.ts';
import type { Remote } from '../client/remote.ts';
import type { Session } from '../client/session.ts';
import { AppError } from '../core/errors.ts';
import { proxyFor } from '../core/proxy.ts';
import type { ServerKind } from '../credentials/records.ts';
import type { CredentialFile } from '../credentials/types.ts';
import { type Connection, loadRootCertificates } from '../project/connections.ts';
import { resolveTarget, type Target } from '../project/target.ts';
import type { Context } from './context.ts';
import { openActiveLogin } from './login-store.ts';
import type { Link } from './superlink.ts';

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

/** Where a command goes, from files alone. */
export interface Place {
  readonly target: Target;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  /** What kind of server gave the stored login; undefined where nobody is logged in. */
  readonly login: ServerKind | undefined;
  /** APP and FEDERATION as the command named them. */
  readonly typed: readonly string[];
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
 * Opens the server that the arguments name: with a stored login the one that it is from, at once; without one it is asked
 * what it is. Whether somebody is logged in is looked at before gRPC is loaded.
 * @throws UNAUTHENTICATED NOT_LOGGED_IN, FAILED_PRECONDITION INSECURE_REFUSED, and what reading the project throws
 */
export async function openControl(
  context: Context,
  positionals: readonly (string | undefined)[],
): Promise<Plane | Link> {
  return await openAt(context, await findPlace(context, positionals));
}

async function openAt(context: Context, place: Place): Promise<Plane | Link> {
  if (place.login === 'fedctl') return await planeAt(context, place);
  const { openLink } = await import('./superlink.ts');
  return await openLink(context, place);
}

export function isPlane(control: Plane | Link): control is Plane {
  return control.remote.kind === 'fedctl';
}

/**
 * Opens the control plane that the arguments name.
 * @throws as {@link openControl} does; UNIMPLEMENTED NOT_SERVED_HERE where a SuperLink stands there
 */
export async function openPlane(context: Context, positionals: readonly (string | undefined)[]): Promise<Plane> {
  const place = await findPlace(context, positionals);
  refuseInsecure(place.connection);
  const control = await openAt(context, place);
  if (isPlane(control)) return control;
  const text = `The server at ${place.connection.address} is a SuperLink: it knows no rights.`;
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED_HERE', text, {
    hint: 'A fedctl control plane in front of it does: see "fedctl server --help".',
  });
}

async function findPlace(context: Context, positionals: readonly (string | undefined)[]): Promise<Place> {
  const target = await findTarget(context, positionals);
  const { connection } = target;
  const endpoint = await endpointOf(connection, context.env);
  const typed = positionals.filter((word): word is string => word !== undefined && word !== '');
  const place = { target, connection, endpoint, login: undefined, typed };
  if (connection.userAuth === false) return place;
  if (connection.insecure) {
    if (connection.userAuth) refuseInsecure(connection);
    return place;
  }
  const login = await (await openActiveLogin(context, connection, endpoint.rootCertificates)).kind();
  if (login === undefined && connection.userAuth) throw notLoggedIn(typed);
  return { ...place, login };
}

async function planeAt(context: Context, { target, connection, endpoint }: Place): Promise<Plane> {
  const client = await openClient(context, endpoint);
  const session = await openSessionAt(context, { connection, endpoint, client });
  const { fedctlRemote } = await import('../client/index.ts');
  return { target, connection, remote: fedctlRemote({ client, session }), client, session };
}

/** The session of whoever is logged in at a control plane. */
export async function openSessionAt(
  context: Context,
  place: {
    readonly connection: Connection;
    readonly endpoint: Endpoint;
    readonly client: Client;
    /** A login of another account; absent: the active one. */
    readonly store?: CredentialFile;
  },
): Promise<Session> {
  const { connection, endpoint, client } = place;
  const { openSession } = await import('../client/index.ts');
  const active = async () => await openActiveLogin(context, connection, endpoint.rootCertificates, 'fedctl');
  const { store, path } = place.store ? { store: place.store, path: place.store.path } : await active();
  const warn = (sentence: string) => context.note(`Warning: ${sentence}`);
  const regrant = async () => await (await import('./login-regrant.ts')).regrant({ context, ...place, path });
  return openSession({ client, store, clock: context.clock, warn, regrant });
}

/** A channel to a server, closed when the command ends. Loads gRPC. */
export async function openClient(context: Context, endpoint: Endpoint): Promise<Client> {
  const { connect } = await import('../client/index.ts');
  const client = connect(endpoint, { userAgent: userAgentOf(context) });
  context.atEnd(() => client.close());
  return client;
}

/** "fedctl/0.1.0" */
export function userAgentOf({ program }: Context): string {
  return program.replace(' ', '/');
}

export async function endpointOf(connection: Connection, env: NodeJS.ProcessEnv = process.env): Promise<Endpoint> {
  return {
    address: connection.address,
    rootCertificates: await loadRootCertificates(connection),
    insecure: connection.insecure,
    proxy: connection.insecure ? undefined : proxyFor(connection, env),
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
      hint: `Logins need TLS: remove "insecure" from "${connection.name}" in ${connection.file} and set root-certificates. A SuperLink without a login needs none: fedctl run.`,
    },
  );
}
