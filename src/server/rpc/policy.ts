import type { Right } from '../../core/access.ts';
import type { Scope } from '../../core/scopes.ts';
import type { MethodName } from './methods.ts';

/**
 * Who may call a method, as data. `auth: none` needs no login; `session` needs one; `optional`
 * takes an access token if it is good (logging out with an expired one works by the refresh token).
 *
 * `on` names the object that the right is asked on:
 * - `nothing`: being logged in is enough, or nothing is needed;
 * - `system`, `federation` (the input's, else the default), `run` and `node` (the input's id);
 * - `object`: what the input's `object` text names; the right then depends on its type;
 * - `each`: the handler returns rows, each of which it has checked.
 *
 * `names`: the audit row names the input's federation, where the right is asked on something else or on nothing.
 *
 * A mutation asks OpenFGA afresh, and its audit row is durable before anything happens; rows of reads share a commit.
 */
export interface PolicyRow {
  readonly auth: 'none' | 'optional' | 'session';
  readonly on: 'nothing' | 'system' | 'federation' | 'run' | 'node' | 'object' | 'each';
  readonly right?: Right | Readonly<Record<'system' | 'federation' | 'run' | 'group', Right>>;
  readonly names?: 'federation';
  readonly mutation: boolean;
  /**
   * `call`: one row a call, before anything happens. `outcome`: for calls whose credential only the handler can judge, one row
   * before the answer, that says whether it was good; a poll that stays pending has none. `none`: public facts.
   */
  readonly audit: 'call' | 'outcome' | 'none';
}

const GRANTING = { system: 'can_admin', federation: 'can_admin', run: 'can_share', group: 'can_admin' } as const;

export const POLICY: Readonly<Record<MethodName, PolicyRow>> = {
  'server.info': { auth: 'none', on: 'nothing', mutation: false, audit: 'none' },
  'login.start': { auth: 'none', on: 'nothing', mutation: true, audit: 'call' },
  'login.poll': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.providers': { auth: 'none', on: 'nothing', mutation: false, audit: 'none' },
  'login.await': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.finish': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.password': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.page': { auth: 'none', on: 'nothing', mutation: false, audit: 'outcome' },
  'login.confirm': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.deny': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'login.callback': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'token.exchange': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'token.provider': { auth: 'session', on: 'nothing', mutation: true, audit: 'call' },
  'session.renew': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'session.logout': { auth: 'optional', on: 'nothing', mutation: true, audit: 'outcome' },
  'session.provider-logout': { auth: 'none', on: 'nothing', mutation: true, audit: 'outcome' },
  'session.logged-out': { auth: 'none', on: 'nothing', mutation: false, audit: 'none' },
  'session.whoami': { auth: 'session', on: 'nothing', mutation: false, audit: 'call' },
  'runs.start': { auth: 'session', on: 'federation', right: 'can_run', mutation: true, audit: 'call' },
  'runs.list': { auth: 'session', on: 'each', right: 'can_view', mutation: false, audit: 'call' },
  'runs.get': { auth: 'session', on: 'run', right: 'can_view', mutation: false, audit: 'call' },
  'runs.stop': { auth: 'session', on: 'run', right: 'can_stop', mutation: true, audit: 'call' },
  'runs.logs': { auth: 'session', on: 'run', right: 'can_log', mutation: false, audit: 'call' },
  'runs.pull': { auth: 'session', on: 'run', right: 'can_pull', mutation: true, audit: 'call' },
  'nodes.list': { auth: 'session', on: 'each', right: 'can_list', mutation: false, audit: 'call' },
  'nodes.register': { auth: 'session', on: 'federation', right: 'can_manage_nodes', mutation: true, audit: 'call' },
  'nodes.unregister': { auth: 'session', on: 'node', right: 'can_manage_nodes', mutation: true, audit: 'call' },
  'federations.list': { auth: 'session', on: 'each', right: 'can_list', mutation: false, audit: 'call' },
  'federations.show': { auth: 'session', on: 'federation', right: 'can_list', mutation: false, audit: 'call' },
  'federations.create': {
    auth: 'session',
    on: 'system',
    right: 'can_admin',
    names: 'federation',
    mutation: true,
    audit: 'call',
  },
  'federations.archive': { auth: 'session', on: 'federation', right: 'can_admin', mutation: true, audit: 'call' },
  'federations.add-node': {
    auth: 'session',
    on: 'federation',
    right: 'can_manage_nodes',
    mutation: true,
    audit: 'call',
  },
  'federations.remove-node': {
    auth: 'session',
    on: 'federation',
    right: 'can_manage_nodes',
    mutation: true,
    audit: 'call',
  },
  'federations.remove-member': { auth: 'session', on: 'federation', right: 'can_admin', mutation: true, audit: 'call' },
  'federations.leave': { auth: 'session', on: 'federation', right: 'can_list', mutation: true, audit: 'call' },
  'federations.configure-simulation': {
    auth: 'session',
    on: 'federation',
    right: 'can_admin',
    mutation: true,
    audit: 'call',
  },
  'invitations.create': { auth: 'session', on: 'federation', right: 'can_admin', mutation: true, audit: 'call' },
  'invitations.list': { auth: 'session', on: 'each', mutation: false, audit: 'call' },
  // Whoever is invited may answer: the handler finds the caller's own invitation or says that there is none.
  'invitations.accept': { auth: 'session', on: 'nothing', names: 'federation', mutation: true, audit: 'call' },
  'invitations.reject': { auth: 'session', on: 'nothing', names: 'federation', mutation: true, audit: 'call' },
  'invitations.revoke': { auth: 'session', on: 'federation', right: 'can_admin', mutation: true, audit: 'call' },
  'access.grant': { auth: 'session', on: 'object', right: GRANTING, mutation: true, audit: 'call' },
  'access.revoke': { auth: 'session', on: 'object', right: GRANTING, mutation: true, audit: 'call' },
  'access.grants': { auth: 'session', on: 'object', right: GRANTING, mutation: false, audit: 'call' },
  'access.whois': { auth: 'session', on: 'system', right: 'can_admin', mutation: false, audit: 'call' },
  'access.can': { auth: 'session', on: 'each', mutation: false, audit: 'call' },
};

/** The part of a scope that stands for each area of methods; an area without one asks for none. */
const SCOPE_AREAS = {
  runs: 'runs',
  nodes: 'nodes',
  federations: 'federations',
  invitations: 'federations',
  access: 'access',
  session: 'account',
  token: 'account',
} as const;

/** It has a row in the audit trail like a change, and changes nothing. */
const READS: readonly MethodName[] = ['runs.pull'];

/**
 * The scope that a narrowed token needs for a method, by its area and whether it changes something: `runs.stop` needs
 * `runs:write`. Undefined where no login is needed.
 */
export const SCOPE_OF: Readonly<Record<MethodName, Scope | undefined>> = Object.fromEntries(
  Object.entries(POLICY).map(([method, row]) => [method, scopeFor(method as MethodName, row)]),
) as Record<MethodName, Scope | undefined>;

function scopeFor(method: MethodName, { auth, mutation }: PolicyRow): Scope | undefined {
  const area = method.split('.')[0] as keyof typeof SCOPE_AREAS;
  if (auth === 'none') return undefined;
  return `${SCOPE_AREAS[area]}:${mutation && !READS.includes(method) ? 'write' : 'read'}`;
}
