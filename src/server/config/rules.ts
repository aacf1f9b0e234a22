import { isLoopback } from '../../core/addresses.ts';
import { formatAddress } from './kinds.ts';
import type { Problem } from './problems.ts';
import { distinctAliases, trustworthyIssuers, wholeTrustRules } from './trust-rules.ts';
import type { EngineConfig, ServerConfig } from './types.ts';

type Rule = (config: ServerConfig) => readonly Problem[];

/** What must hold between settings. Looks at no file. */
const RULES: readonly Rule[] = [
  tlsOrLoopback,
  distinctProviders,
  trustworthyProviders,
  distinctAliases,
  trustworthyIssuers,
  wholeTrustRules,
  trustworthyOpenFga,
  proxiesForTls,
  knownAdmins,
  distinctEngines,
  engineAddresses,
  sessionLifetimes,
];

export function brokenRules(config: ServerConfig): readonly Problem[] {
  return RULES.flatMap((rule) => rule(config));
}

/** security.md TL-01 */
function tlsOrLoopback({ server }: ServerConfig): readonly Problem[] {
  if (!server.plaintext) {
    const missing = [!server.tlsCert && 'tls-cert', !server.tlsKey && 'tls-key'].filter((key) => key !== false);
    return missing.map((key) => ({ path: `server.${key}`, problem: 'is missing: the server speaks TLS only' }));
  }
  const open = [
    !isLoopback(server.grpcAddress.host) && 'grpc-address',
    !isLoopback(server.httpsAddress.host) && 'https-address',
  ].filter((key) => key !== false);
  return open.map((key) => ({
    path: `server.${key}`,
    problem: 'must be a loopback address while plaintext = true: without TLS everybody on the way can read the tokens',
  }));
}

function distinctProviders({ oidc }: ServerConfig): readonly Problem[] {
  return oidc.flatMap((one, index) => {
    const before = oidc.slice(0, index);
    return [
      ...(before.some(({ alias }) => alias === one.alias)
        ? [{ path: `oidc[${index}].alias`, problem: 'is taken by another [[oidc]] table' }]
        : []),
      ...(before.some(({ issuer }) => issuer === one.issuer)
        ? [{ path: `oidc[${index}].issuer`, problem: 'stands in another [[oidc]] table already' }]
        : []),
    ];
  });
}

function trustworthyProviders({ oidc }: ServerConfig): readonly Problem[] {
  return oidc.flatMap((one, index) => [
    ...(isPlainHttp(one.issuer) && !(one.allowHttp && isLoopback(new URL(one.issuer).hostname))
      ? [
          {
            path: `oidc[${index}].issuer`,
            problem: 'must start with https:// (http:// needs allow-http = true and a loopback address)',
          },
        ]
      : []),
    ...(one.scopes.includes('openid') ? [] : [{ path: `oidc[${index}].scopes`, problem: 'must contain "openid"' }]),
  ]);
}

function trustworthyOpenFga({ openfga }: ServerConfig): readonly Problem[] {
  if (!isPlainHttp(openfga.url) || openfga.allowHttp || isLoopback(new URL(openfga.url).hostname)) return [];
  return [{ path: 'openfga.url', problem: 'must start with https:// beyond loopback (or set allow-http = true)' }];
}

/** Without TLS a proxy would see the key and every question. */
function proxiesForTls({ openfga }: ServerConfig): readonly Problem[] {
  if (openfga.proxy === undefined || !isPlainHttp(openfga.url)) return [];
  return [{ path: 'openfga.proxy', problem: 'needs an https:// url: a proxy passes TLS on and nothing else' }];
}

/** A typo would grant the right to nobody, in silence. */
function knownAdmins({ access, oidc }: ServerConfig): readonly Problem[] {
  return access.admins
    .filter(({ issuer }) => !oidc.some((one) => one.issuer === issuer))
    .map(() => ({ path: 'access.admins', problem: 'names an issuer that stands in no [[oidc]] table' }));
}

/** Runs and SuperNodes are kept by the name of their engine. */
function distinctEngines({ engine }: ServerConfig): readonly Problem[] {
  return engine.flatMap((one, index) => {
    const before = engine.slice(0, index);
    const address = (other: EngineConfig) => other.address && formatAddress(other.address);
    return [
      ...(before.some(({ name }) => name === one.name)
        ? [{ path: `engine[${index}].name`, problem: 'is taken by another [[engine]] table' }]
        : []),
      ...(one.address && before.some((other) => address(other) === address(one))
        ? [{ path: `engine[${index}].address`, problem: 'stands in another [[engine]] table already' }]
        : []),
    ];
  });
}

function engineAddresses({ engine }: ServerConfig): readonly Problem[] {
  return engine.flatMap(({ kind, address, insecure, ca }, index) => {
    const table = engine.length === 1 ? 'engine' : `engine[${index}]`;
    if (kind === 'none') return [];
    if (!address) return [{ path: `${table}.address`, problem: 'is missing (or set kind = "none")' }];
    return insecure && ca
      ? [{ path: `${table}.ca`, problem: 'has no meaning with insecure = true: take one of them out' }]
      : [];
  });
}

function sessionLifetimes({ tokens }: ServerConfig): readonly Problem[] {
  return [
    ...(tokens.idle > tokens.max ? [{ path: 'tokens.idle', problem: 'must not be longer than max' }] : []),
    ...(tokens.access > tokens.withoutRefresh
      ? [{ path: 'tokens.access', problem: 'must not be longer than without-refresh' }]
      : []),
  ];
}

function isPlainHttp(url: string): boolean {
  return url.startsWith('http:');
}
