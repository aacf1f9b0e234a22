import { AppError } from '../core/errors.ts';
import type { ServerKind } from '../credentials/records.ts';
import type { LoginPlace } from './login.ts';
import { pendingScreen } from './login-screen.ts';
import { openLoginStore } from './login-store.ts';
import { checkKept } from './storage.ts';
import { openSuperlinkAt, proveRemote, TRANSPORTS } from './superlink.ts';

/** Logs in by Flower's own login and stores it, bound to this kind of server. A SuperLink doesn't say who somebody is: "". */
export async function logInAtSuperlink(place: LoginPlace, transport: 'grpc' | 'http'): Promise<string> {
  const { context, connection, endpoint, input, keeping } = place;
  checkKept(context, keeping.storage, 'device_code');
  tellWhatChangesNothing(place);
  const { logInToSuperlink, newTokens } = await import('../client/superlink/index.ts');
  const { session } = await openSuperlinkAt(context, { connection, endpoint, transport, login: undefined });
  const screen = pendingScreen(context, connection, input);
  try {
    const { address } = connection;
    const { clock, signal } = context;
    const tokens = await logInToSuperlink({
      session,
      address,
      clock,
      signal,
      timeout: input.timeout,
      show: screen.show,
    });
    const kind = `superlink-${transport}` as const;
    await openLoginStore(context, connection, endpoint.rootCertificates, kind, keeping).write(newTokens(tokens));
    return '';
  } finally {
    screen.end();
  }
}

/** @throws INVALID_ARGUMENT USAGE for what a SuperLink's login can't do at all */
function tellWhatChangesNothing({ context, input }: LoginPlace): void {
  const { settings, grant, wait, resume } = input;
  const device = grant === undefined || grant === 'auto' || grant === 'device_code';
  if (!device || !wait || resume !== undefined) {
    const flag = !device ? `--grant ${grant}` : wait ? '--resume' : '--no-wait';
    const text = `A SuperLink has one way to log in, which knows no ${flag}.`;
    throw new AppError('INVALID_ARGUMENT', 'USAGE', text, { hint: 'Log in there with: fedctl login' });
  }
  if (settings.provider !== undefined) {
    context.note('A SuperLink has one identity provider: --provider changes nothing.');
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
