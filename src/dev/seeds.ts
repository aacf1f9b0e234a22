import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { objectId, SYSTEM_OBJECT, userPrincipal } from '../core/principals.ts';

export const DEV_ISSUER_ALIAS = 'dev';
export const DEV_FEDERATION = '@dev/default';
const STORE_NAME = 'fedctl';

interface Tuple {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
}

/** First rights of the stack: admin administers it, the others may submit runs. */
export const SEEDS: readonly Tuple[] = [
  { user: userPrincipal(DEV_ISSUER_ALIAS, 'admin'), relation: 'admin', object: SYSTEM_OBJECT },
  ...['alice', 'bob', 'carol'].map((name) => ({
    user: userPrincipal(DEV_ISSUER_ALIAS, name),
    relation: 'runner',
    object: objectId({ type: 'federation', id: DEV_FEDERATION }),
  })),
];

/**
 * The id of the stack's OpenFGA store; at the first start it is made, with the model and the first rights in it.
 * Later starts leave rights alone: who took one away does not want it back.
 */
export async function prepareStore(options: { url: string; state: string }): Promise<string> {
  const { url, state } = options;
  const marker = join(state, 'seeded');
  const found = await ask(url, `/stores?name=${STORE_NAME}`);
  const store =
    (found.stores as { id: string }[])[0]?.id ?? String((await ask(url, '/stores', { name: STORE_NAME })).id);
  if (existsSync(marker)) return store;
  if ((await newestModel(url, store)) === undefined) {
    const model = readFileSync(new URL('../../templates/model.json', import.meta.url), 'utf8');
    await ask(url, `/stores/${store}/authorization-models`, JSON.parse(model));
  }
  await ask(url, `/stores/${store}/write`, { writes: { tuple_keys: SEEDS, on_duplicate: 'ignore' } });
  writeFileSync(marker, '');
  return store;
}

/** Id of the newest model in the store. */
export async function newestModel(url: string, store: string): Promise<string | undefined> {
  const { authorization_models: models } = await ask(url, `/stores/${store}/authorization-models?page_size=1`);
  return (models as { id: string }[])[0]?.id;
}

async function ask(url: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const request = body
    ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    : {};
  const response = await fetch(new URL(path, url), request);
  const text = await response.text();
  if (response.ok) return JSON.parse(text || '{}') as Record<string, unknown>;
  throw new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', `OpenFGA refused to be set up (HTTP ${response.status}).`, {
    cause: text,
  });
}
