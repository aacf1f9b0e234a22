import { AppError } from '../core/errors.ts';
import { askAgent, putRequest } from '../credentials/agent-client.ts';
import type { KnownKey } from '../credentials/keys.ts';
import type { StorageKind } from '../credentials/records.ts';
import { entriesOf } from './agent-entries.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget } from './control.ts';
import { openLoginStore } from './login-store.ts';

export interface AddInput {
  readonly positionals: readonly (string | undefined)[];
  /** Of the agent. */
  readonly socket: string;
  readonly lifetimeMs: number | undefined;
}

export interface Added {
  readonly connection: string;
  readonly account: string;
  readonly storage: StorageKind;
  /** False where the agent has no part in it: the login stands in a plain file. */
  readonly isHeld: boolean;
}

/**
 * Opens the login of a connection, asking for its passphrase once, and gives what opens it to the agent.
 * @throws UNAUTHENTICATED NOT_LOGGED_IN; as the agent, the credential file and its keys do
 */
export async function addToAgent(context: Context, { positionals, socket, lifetimeMs }: AddInput): Promise<Added> {
  const { connection } = await findTarget(context, positionals);
  const { rootCertificates } = await endpointOf(connection);
  // A locked agent is told before somebody types a passphrase for it.
  const held = await entriesOf(context, socket, positionals);
  const knownKeys = new Map<string, KnownKey>();
  const store = openLoginStore({ ...context, knownKeys }, connection, rootCertificates);
  const login = await store.read();
  if (login === undefined) {
    throw new AppError('UNAUTHENTICATED', 'NOT_LOGGED_IN', 'You are not logged in.', { hint: 'Run: fedctl login' });
  }
  const { account, storage } = login;
  const label = { file: store.path, server: connection.address, account };
  for (const [id, { key }] of knownKeys) await askAgent(socket, putRequest(id, 'key', label, lifetimeMs), key);
  if (storage === 'none' && lifetimeMs !== undefined) {
    for (const { id } of held) await askAgent(socket, { op: 'lifetime', lifetimeMs, id });
  }
  return { connection: connection.name, account, storage, isHeld: storage !== 'file' };
}
