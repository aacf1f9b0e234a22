import type { Endpoint } from '../client/endpoint.ts';
import { notLoggedIn } from '../client/login.ts';
import type { Remote } from '../client/remote.ts';
import type { OpenedSuperlink, ServerFound } from '../client/superlink/index.ts';
import { isLoopback } from '../core/addresses.ts';
import { AppError } from '../core/errors.ts';
import { isPrivate } from '../core/private-addresses.ts';
import type { ServerKind } from '../credentials/records.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { type Control, type Place, userAgentOf } from './control.ts';
import { openLoginStore } from './login-store.ts';

/** A SuperLink on its own. */
export interface Link extends Control {
  readonly transport: 'grpc' | 'http';
  /** Calls carry the tokens of a stored login. */
  readonly loggedIn: boolean;
}

/** Kinds of a stored login of a SuperLink, with how it is reached. */
export const TRANSPORTS = { 'superlink-grpc': 'grpc', 'superlink-http': 'http' } as const;

/**
 * Opens the SuperLink at a place. Without a login the server is asked what it is, with no token.
 * @throws UNAUTHENTICATED NOT_LOGGED_IN where it turns out to be a control plane, and what is wrong with the connection
 */
export async function openLink(context: Context, place: Place): Promise<Link> {
  const { target, connection, endpoint, login, typed } = place;
  if (login !== undefined && login !== 'fedctl') {
    const transport = TRANSPORTS[login];
    const { remote } = await openSuperlinkAt(context, { connection, endpoint, transport, login });
    return { target, connection, remote, transport, loggedIn: true };
  }
  warnPlain(context, connection);
  const found = await identify(context, endpoint);
  if (found.kind === 'fedctl') throw connection.userAuth === false ? loginIsOn(connection) : notLoggedIn(typed);
  const { transport } = found;
  const { remote } = await openSuperlinkAt(context, { connection, endpoint, transport, login: undefined });
  return { target, connection, remote, transport, loggedIn: false };
}

export interface SuperlinkPlace {
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly transport: 'grpc' | 'http';
  /** The kind that the stored login must be of; undefined: no tokens. */
  readonly login: ServerKind | undefined;
}

/** A SuperLink, closed when the command ends. */
export async function openSuperlinkAt(context: Context, place: SuperlinkPlace): Promise<OpenedSuperlink> {
  const { connection, endpoint, transport, login } = place;
  const { openSuperlink } = await import('../client/superlink/index.ts');
  const opened = openSuperlink({
    endpoint,
    transport,
    userAgent: userAgentOf(context),
    store: login === undefined ? undefined : openLoginStore(context, connection, endpoint.rootCertificates, login),
    warn: (sentence) => context.note(`Warning: ${sentence}`),
  });
  context.atEnd(opened.close);
  return opened;
}

/** One harmless call: the SuperLink takes what a person has here, a login or none. @throws UNAUTHENTICATED and others */
export async function proveRemote(remote: Remote): Promise<void> {
  await remote.listRuns({ runIdPrefix: '', limit: 1, cursor: '', federation: '', mine: false });
}

/** What stands behind an endpoint; no token is sent. */
export async function identify(
  context: Context,
  endpoint: Endpoint,
  { probeParts = false }: { probeParts?: boolean } = {},
): Promise<ServerFound> {
  const { identifyServer } = await import('../client/superlink/index.ts');
  return await identifyServer({ endpoint, userAgent: userAgentOf(context), probeParts });
}

/** True where plaintext goes no further than this machine or a network of its own. */
export function isNear({ host }: Connection): boolean {
  return isLoopback(host) || isPrivate(host);
}

function warnPlain(context: Context, connection: Connection): void {
  if (!connection.insecure || isNear(connection)) return;
  context.note(
    `Warning: ${connection.address} is used without TLS: whoever is on the way can read and change all of it.`,
  );
}

function loginIsOn({ name, file, address }: Connection): AppError {
  const text = `The connection "${name}" says that its server has no login, but ${address} is a fedctl control plane.`;
  return new AppError('FAILED_PRECONDITION', 'LOGIN_ON', text, {
    hint: `Remove "enable-user-auth = false" from "${name}" in ${file}, then run: fedctl login`,
  });
}
