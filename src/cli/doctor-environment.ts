import { editDistance } from '../core/edit-distance.ts';
import { proxyFor, proxyName } from '../core/proxy.ts';
import type { Connection } from '../project/connections.ts';
import { type Finding, failed, ok, warn } from './finding.ts';

/** All that fedctl reads; FLWR_HOME is Flower's. */
const OURS = [
  'FEDCTL_AGENT_PID',
  'FEDCTL_AGENT_SOCK',
  'FEDCTL_CLIENT_SECRET',
  'FEDCTL_FAILPOINTS',
  'FEDCTL_FLOWER',
  'FEDCTL_ID_TOKEN',
  'FEDCTL_OPENFGA',
  'FEDCTL_PASSPHRASE_FILE',
  'FEDCTL_PLAIN',
  'FEDCTL_STORAGE',
  'FEDCTL_TIMEOUT',
  'FEDCTL_TOKEN',
  'FEDCTL_TOKEN_FILE',
] as const;

/** Of other programs, with a part in how a server is reached. */
const OTHERS = ['FLWR_HOME', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'] as const;

/** Variables that change what commands do, by name alone: some hold secrets. */
export function checkEnvironment(env: NodeJS.ProcessEnv): Finding[] {
  const named = Object.keys(env).filter((name) => name.startsWith('FEDCTL_') && env[name] !== '');
  const known = named.filter((name) => (OURS as readonly string[]).includes(name));
  const set = [...known, ...OTHERS.filter((name) => env[name])].sort();
  const unknown = named.filter((name) => !known.includes(name));
  return [
    ...(set.length > 0 ? [ok('environment', `set: ${set.join(', ')}`)] : []),
    ...unknown.map((name) => warn('environment', `${name} is set, and fedctl knows no such variable`, meant(name))),
    ...(env.NODE_TLS_REJECT_UNAUTHORIZED === '0'
      ? [
          warn(
            'environment',
            'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: fedctl verifies certificates all the same, other programs do not',
            'Unset it.',
          ),
        ]
      : []),
  ];
}

function meant(name: string): string {
  const near = OURS.find((one) => name.length < 40 && editDistance(one, name) <= 2);
  return near === undefined ? 'Unset it.' : `Did you mean ${near}?`;
}

/** Whether a proxy stands on the way, and why. It is tried together with the server. */
export function checkProxy(connection: Connection, env: NodeJS.ProcessEnv): Finding[] {
  if (connection.insecure) return [];
  try {
    const proxy = proxyFor(connection, env);
    if (proxy !== undefined) return [ok('proxy', `${proxyName(proxy)}, from ${proxy.source}`)];
    const { no_proxy: _lower, NO_PROXY: _upper, ...rest } = env;
    const other = proxyFor(connection, rest);
    return other === undefined ? [] : [ok('proxy', `none: NO_PROXY names ${connection.host}`)];
  } catch (error) {
    return [failed('proxy', error)];
  }
}
