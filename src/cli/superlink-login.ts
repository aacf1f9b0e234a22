import type { ServerKind } from '../credentials/records.ts';
import type { LoginPlace } from './login.ts';
import { pendingScreen } from './login-screen.ts';
import { openLoginStore } from './login-store.ts';
import { openSuperlinkAt, proveRemote, TRANSPORTS } from './superlink.ts';

/** Logs in by Flower's own login and stores it, bound to this kind of server. A SuperLink doesn't say who somebody is: "". */
export async function logInAtSuperlink(place: LoginPlace, transport: 'grpc' | 'http'): Promise<string> {
  const { context, connection, endpoint, input } = place;
  if (input.provider !== '') context.note('A SuperLink has one identity provider: --provider changes nothing.');
  const { logInToSuperlink, newTokens } = await import('../client/superlink/index.ts');
  const { session } = await openSuperlinkAt(context, { connection, endpoint, transport, login: undefined });
  const screen = pendingScreen(context, connection, input.launchBrowser);
  try {
    const { address } = connection;
    const { clock, signal } = context;
    const tokens = await logInToSuperlink({ session, address, clock, signal, show: screen.show });
    await openLoginStore(context, connection, endpoint.rootCertificates, `superlink-${transport}`).write(
      newTokens(tokens),
    );
    return '';
  } finally {
    screen.end();
  }
}

/** "" where the SuperLink takes the stored login. @throws what it says where it does not */
export async function standsAtSuperlink(
  { context, connection, endpoint }: LoginPlace,
  kind: Exclude<ServerKind, 'fedctl'>,
): Promise<string> {
  const transport = TRANSPORTS[kind];
  await proveRemote((await openSuperlinkAt(context, { connection, endpoint, transport, login: kind })).remote);
  return '';
}
