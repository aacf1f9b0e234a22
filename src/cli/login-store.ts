import type { LoginStore } from '../client/login.ts';
import { openCredentials } from '../credentials/credential-file.ts';
import { caPin, type ServerKind } from '../credentials/records.ts';
import type { CredentialFile, CredentialOptions } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';

/** What a login's keys may be asked of: without `stdio` nobody is asked for a passphrase. */
export type LoginEdges = Pick<Context, 'env'> &
  Partial<Pick<Context, 'stdio' | 'json' | 'signal' | 'note' | 'knownKeys'>>;

/** Which of a connection's logins, and how a new one is kept. */
export type LoginKeeping = Pick<CredentialOptions, 'account' | 'storage' | 'beside'>;

/**
 * The credential file of a connection, bound to its address and its certificate authority (security.md CF-05), and with
 * `kind` to what kind of server stands there.
 */
export function openLoginStore(
  edges: LoginEdges,
  connection: Connection,
  rootCertificates: Uint8Array | undefined,
  kind?: ServerKind,
  keeping: LoginKeeping = {},
): CredentialFile {
  return openCredentials(credentialOptions(edges, connection, rootCertificates, { ...keeping, ...(kind && { kind }) }));
}

/** Where the logins of a connection are. */
export function credentialOptions(
  edges: LoginEdges,
  connection: Connection,
  rootCertificates: Uint8Array | undefined,
  more: LoginKeeping & Pick<CredentialOptions, 'kind'> = {},
): CredentialOptions {
  return {
    path: connection.credentialsPath,
    origin: connection.address,
    caPin: caPin(rootCertificates),
    keys: async () => (await import('./login-keys.ts')).keySources(edges),
    ...more,
  };
}

/** What a command calls with: the token that the environment brings, which is for control planes, else the stored login. */
export interface ActiveLogin {
  readonly store: LoginStore;
  /** Path of the credential file; empty where there is none. */
  readonly path: string;
  /** What kind of server gave it; undefined where nobody is logged in. */
  kind(): Promise<ServerKind | undefined>;
}

/** @throws as token-variable.ts and the credential file do */
export async function openActiveLogin(
  edges: LoginEdges,
  connection: Connection,
  rootCertificates: Uint8Array | undefined,
  kind?: ServerKind,
): Promise<ActiveLogin> {
  if (edges.env.FEDCTL_TOKEN || edges.env.FEDCTL_TOKEN_FILE) {
    const { openTokenVariable, tokenVariable } = await import('./token-variable.ts');
    const name = tokenVariable(edges.env);
    if (name !== undefined) return { store: openTokenVariable(edges.env, name), path: '', kind: async () => 'fedctl' };
  }
  const store = openLoginStore(edges, connection, rootCertificates, kind);
  return { store, path: store.path, kind: async () => (await store.read())?.kind };
}
