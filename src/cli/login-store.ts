import { openCredentials } from '../credentials/credential-file.ts';
import { caPin, type ServerKind } from '../credentials/records.ts';
import type { CredentialFile } from '../credentials/types.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';

/** What a login's keys may be asked of: without `stdio` nobody is asked for a passphrase. */
export type LoginEdges = Pick<Context, 'env'> & Partial<Pick<Context, 'stdio' | 'json'>>;

/**
 * The credential file of a connection, bound to its address and its certificate authority (security.md CF-05), and with
 * `kind` to what kind of server stands there.
 */
export function openLoginStore(
  _edges: LoginEdges,
  connection: Connection,
  rootCertificates: Uint8Array | undefined,
  kind?: ServerKind,
): CredentialFile {
  return openCredentials({
    path: connection.credentialsPath,
    origin: connection.address,
    caPin: caPin(rootCertificates),
    ...(kind === undefined ? {} : { kind }),
  });
}
