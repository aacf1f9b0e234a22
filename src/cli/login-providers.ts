import { AppError } from '../core/errors.ts';
import type { Provider } from '../gen/fedctl/v1/sessions.ts';
import type { Context } from './context.ts';
import { endpointOf, findTarget, openClient, refuseInsecure } from './control.ts';
import { tableOf } from './layout.ts';
import { safeLine } from './text.ts';

/** The identity providers of a server. Needs no login. */
export async function readProviders(
  context: Context,
  positionals: readonly (string | undefined)[],
): Promise<readonly Provider[]> {
  const { connection } = await findTarget(context, positionals);
  refuseInsecure(connection);
  const client = await openClient(context, await endpointOf(connection));
  const { listProviders } = await import('../client/grants/index.ts');
  const providers = await listProviders(client);
  if (providers !== undefined) return providers;
  const text = `The server at ${connection.address} does not list its identity providers.`;
  throw new AppError('UNIMPLEMENTED', 'NOT_A_CONTROL_PLANE', text, {
    hint: 'It is older than this program, or no fedctl control plane. Log in without --provider.',
  });
}

export function providersDocument(providers: readonly Provider[]) {
  const listed = providers.map(({ alias, name, issuer, grants }) => ({
    alias: safeLine(alias),
    name: safeLine(name),
    issuer: safeLine(issuer),
    grants: grants.map(safeLine),
  }));
  return { success: true, providers: listed };
}

export async function providersLines(providers: readonly Provider[], { stdio }: Context): Promise<string[]> {
  const columns = [
    { title: 'PROVIDER', cell: ({ alias }: Provider) => alias },
    { title: 'NAME', cell: ({ name }: Provider) => name, shrinks: true, drop: 1 },
    { title: 'GRANTS', cell: ({ grants }: Provider) => grants.join(' ') },
    { title: 'ISSUER', cell: ({ issuer }: Provider) => issuer, shrinks: true },
  ];
  return await tableOf(columns, providers, stdio);
}
