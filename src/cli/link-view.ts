import type { Link } from './superlink.ts';
import { pairLines } from './table.ts';

/** What is known of somebody at a SuperLink: it doesn't say who they are, and what stands in their token nobody has verified. */
export function linkLines({ connection, transport, loggedIn }: Link): string[] {
  return pairLines([
    ['Account', loggedIn ? 'not known: the SuperLink accepts your login and does not say whose it is' : 'none'],
    ['Server', `${connection.address} (connection "${connection.name}"), a SuperLink over ${nameOf(transport)}`],
    ['Login', loggedIn ? 'stored here' : 'none: whoever reaches this SuperLink may use it'],
  ]);
}

export function linkDocument({ connection, transport, loggedIn }: Link) {
  return {
    success: true,
    server: 'superlink',
    account: null,
    transport,
    'logged-in': loggedIn,
    connection: connection.name,
    address: connection.address,
  };
}

/** "grpc" as people write it. */
export function nameOf(transport: Link['transport']): string {
  return transport === 'grpc' ? 'gRPC' : 'HTTP';
}
