import type { WhoAmIResponse } from '../gen/fedctl/v1/sessions.ts';
import type { Connection } from '../project/connections.ts';
import { roughTime } from './duration.ts';
import { pairLines } from './table.ts';
import { safeLine } from './text.ts';

/** Who somebody is, for a terminal. */
export function identityLines(me: WhoAmIResponse, connection: Pick<Connection, 'name' | 'address'>): string[] {
  const name =
    me.displayName === '' || me.displayName === me.account ? me.account : `${me.account} (${me.displayName})`;
  const end = Number(me.sessionExpiresIn);
  const idle = Math.min(Number(me.sessionIdleExpiresIn), end);
  return pairLines([
    ['Account', me.kind === 'service_account' ? `${name}, a service account` : name],
    ['E-mail', me.email],
    ['Server', `${connection.address} (connection "${connection.name}")`],
    ['From', me.issuer],
    ['Principal', me.principal],
    ['Login ends', end > 0 ? `in ${roughTime(end)}, in ${roughTime(idle)} if unused` : ''],
    ['Federation', me.federation],
    ['Rights', me.rights.length === 0 ? 'none' : me.rights.map(rightName).join(', ')],
    ['Groups', me.groups.join(', ')],
  ]);
}

/** "can_manage_nodes" -> "manage nodes". */
export function rightName(right: string): string {
  return right.replace(/^can_/, '').replaceAll('_', ' ');
}

export function identityDocument(me: WhoAmIResponse, connection: Pick<Connection, 'name' | 'address'>) {
  return {
    success: true,
    server: 'fedctl',
    kind: safeLine(me.kind),
    account: safeLine(me.account),
    'display-name': safeLine(me.displayName),
    email: safeLine(me.email),
    issuer: safeLine(me.issuer),
    subject: safeLine(me.subject),
    principal: safeLine(me.principal),
    connection: connection.name,
    address: connection.address,
    'session-id': safeLine(me.sessionId),
    'session-expires-in': Number(me.sessionExpiresIn),
    'session-idle-expires-in': Number(me.sessionIdleExpiresIn),
    'authenticated-ago': Number(me.authenticatedAgo),
    federation: safeLine(me.federation),
    rights: me.rights.map(safeLine),
    groups: me.groups.map(safeLine),
  };
}
