import { join } from 'node:path';
import { formatAddress } from './kinds.ts';
import type { ServerConfig } from './types.ts';

/** Fills in what defaults to something that follows from other settings. */
export function deriveValues(config: ServerConfig): ServerConfig {
  const { server, database, tokens } = config;
  const publicUrl = server.publicUrl ?? listenerUrl(config);
  return {
    ...config,
    server: { ...server, publicUrl },
    database: { ...database, path: database.path ?? join(server.stateDir, 'fedctl.db') },
    tokens: { ...tokens, audience: tokens.audience ?? publicUrl },
  };
}

function listenerUrl({ server }: ServerConfig): string {
  return `${server.plaintext ? 'http' : 'https'}://${formatAddress(server.httpsAddress)}`;
}
