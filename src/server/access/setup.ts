import type { Logger } from '../../core/log.ts';
import type { MetaStore } from '../../core/sessions.ts';
import type { Connection } from './client.ts';
import { faultIn, isGone } from './failures.ts';
import { hashModel, type Model, type ModelJson } from './model.ts';
import { broken } from './proof.ts';
import type { Pin } from './tuple-store.ts';

export interface SetupOptions {
  readonly connection: Connection;
  readonly model: Model;
  readonly meta: MetaStore;
  /** From the configuration; it wins over the pinned one. */
  readonly storeId: string | undefined;
  /** From the configuration, for servers that may not write models; it must be ours all the same. */
  readonly modelId: string | undefined;
  readonly storeName: string;
  readonly log: Logger;
}

/** Another name in the configuration means another store. */
function storeKey(name: string): string {
  return `openfga.store/${name}`;
}

/** One pin per store and model: replicas of two versions each keep to their own. */
function modelKey(storeId: string, hash: string): string {
  return `openfga.model/${storeId}/${hash}`;
}

async function assertStore({ sdk, call }: Connection, storeId: string): Promise<void> {
  await call('GetStore', (options) => sdk.getStore({ ...options, storeId })).catch((error: unknown) => {
    const fault = faultIn(error);
    if (fault === undefined || !isGone(fault)) throw error;
    throw broken(`OpenFGA has no store ${storeId}: its database was wiped or replaced, or the id is wrong.`, error);
  });
}

async function storeByName({ connection: { sdk, call }, storeName: name, log }: SetupOptions): Promise<string> {
  const found = await call('ListStores', (options) => sdk.listStores({ ...options, name, pageSize: 2 }));
  const [first, second] = found.stores;
  if (second !== undefined) {
    throw broken(`OpenFGA has more than one store named "${name}": set the id of the right one as openfga.store.`);
  }
  if (first !== undefined) {
    log.info({ store: first.id, name }, 'using the OpenFGA store of that name');
    return first.id;
  }
  const made = await call('CreateStore', (options) => sdk.createStore({ name }, options));
  log.info({ store: made.id, name }, 'made an OpenFGA store');
  return made.id;
}

async function findStore(options: SetupOptions): Promise<string> {
  const pinned = options.storeId ?? (await options.meta.meta(storeKey(options.storeName)));
  if (pinned !== undefined) {
    await assertStore(options.connection, pinned);
    return pinned;
  }
  // Where two replicas start for the first time together, the first to pin wins.
  return options.meta.initMeta(storeKey(options.storeName), await storeByName(options));
}

/** The newest model of the store if it equals ours, else ours is written: only what no server of this version has pinned comes here. */
async function writeModel({ connection: { sdk, call }, model, log }: SetupOptions, storeId: string): Promise<string> {
  const latest = await call('ReadModel', (options) =>
    sdk.readAuthorizationModels({ ...options, storeId, pageSize: 1 }),
  );
  const [newest] = latest.authorization_models;
  if (newest?.id !== undefined && hashModel(newest as ModelJson) === model.hash) return newest.id;
  const body = model.json as unknown as Parameters<typeof sdk.writeAuthorizationModel>[0];
  const written = await call('WriteModel', (options) => sdk.writeAuthorizationModel(body, { ...options, storeId }));
  log.info({ store: storeId, model: written.authorization_model_id }, 'wrote the authorization model');
  return written.authorization_model_id;
}

/**
 * Finds or makes the store, and the model of this version in it. What is pinned and missing is never made anew: that would
 * turn a lost database into an empty one in silence.
 * @throws UNAVAILABLE AUTHORIZATION_UNAVAILABLE | AUTHORIZATION_STORE_BROKEN
 */
export async function setUp(options: SetupOptions): Promise<Pin> {
  const storeId = await findStore(options);
  if (options.modelId !== undefined) return { storeId, modelId: options.modelId };
  const key = modelKey(storeId, options.model.hash);
  const pinned = await options.meta.meta(key);
  if (pinned !== undefined) return { storeId, modelId: pinned };
  return { storeId, modelId: await options.meta.initMeta(key, await writeModel(options, storeId)) };
}
