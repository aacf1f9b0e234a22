import { isAppError } from '../../core/errors.ts';
import type { Provider } from '../../gen/fedctl/v1/sessions.ts';
import type { Client } from '../channel.ts';
import { callUnary } from '../unary.ts';

/** Where people can log in, the default one first; undefined where the server is too old to say. */
export async function listProviders(client: Client): Promise<readonly Provider[] | undefined> {
  try {
    return (await callUnary(client, client.sessions.listProviders.bind(client.sessions), {})).providers;
  } catch (error) {
    if (isAppError(error) && error.code === 'UNIMPLEMENTED') return undefined;
    throw error;
  }
}
