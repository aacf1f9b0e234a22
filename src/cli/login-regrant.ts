import type { Client } from '../client/channel.ts';
import type { Endpoint } from '../client/endpoint.ts';
import type { NewLogin } from '../client/login.ts';
import { AppError } from '../core/errors.ts';
import { type GrantName, readLoginSettings } from '../credentials/login-settings.ts';
import { caPin } from '../credentials/records.ts';
import type { Connection } from '../project/connections.ts';
import type { Context } from './context.ts';
import { grantRequest } from './login-request.ts';

/** Grants that need nobody. */
const ALONE: readonly GrantName[] = ['ci', 'client_credentials'];

export interface RegrantPlace {
  readonly context: Context;
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly client: Client;
  /** The credential file. */
  readonly path: string;
}

/** Renews a login that has no refresh token: does its grant again, with what was remembered of it. */
export async function regrant({ context, connection, endpoint, client, path }: RegrantPlace): Promise<NewLogin> {
  const settings = readLoginSettings({ path, origin: connection.address, caPin: caPin(endpoint.rootCertificates) });
  const { grant = 'ci' } = settings;
  if (!ALONE.includes(grant)) throw notAlone(grant);
  const [{ grants }, { NO_DEMANDS }] = await Promise.all([
    import('../client/grants/index.ts'),
    import('../client/grants/types.ts'),
  ]);
  const nothing = { demands: NO_DEMANDS, stdin: undefined, timeout: undefined, show: async () => {} };
  return await grants[grant](grantRequest({ context, connection, client, settings, ...nothing }));
}

function notAlone(grant: GrantName): AppError {
  const text = `This login has ended, and the ${grant} grant needs you.`;
  return new AppError('UNAUTHENTICATED', 'LOGIN_NOT_RENEWABLE', text, { hint: 'Run: fedctl login' });
}
