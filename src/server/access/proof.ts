import { AppError } from '../../core/errors.ts';
import { SYSTEM_OBJECT } from '../../core/principals.ts';
import type { Connection } from './client.ts';
import { faultIn, isGone } from './failures.ts';
import { hashModel, type Model, type ModelJson } from './model.ts';
import type { Questioner } from './questioner.ts';
import type { Asked } from './questions.ts';
import type { Pin } from './tuple-store.ts';

/** The store, its model or its answers are not what this server relies on. `text` is a public sentence. */
export function broken(text: string, cause?: unknown): AppError {
  return new AppError('UNAVAILABLE', 'AUTHORIZATION_STORE_BROKEN', text, {
    cause,
    hint: 'Restore the OpenFGA database, or see "A lost or foreign store" in docs/authorization.md.',
  });
}

// `|` keeps these apart from every issuer's subjects: an alias is never empty.
const PROVER = 'user:|prover';
const STRANGER = 'user:|stranger';
const RUN = 'run:proof';
const FEDERATION = 'federation:@fedctl/proof';

const FACTS = [
  { user: FEDERATION, relation: 'federation', object: RUN },
  { user: SYSTEM_OBJECT, relation: 'system', object: FEDERATION },
  { user: PROVER, relation: 'owner', object: RUN },
];

const QUESTIONS: readonly Asked[] = [
  { key: 'allowed', user: PROVER, relation: 'can_stop', object: RUN, contextual: FACTS },
  { key: 'denied', user: STRANGER, relation: 'can_view', object: RUN, contextual: FACTS },
];

/** One check that must be allowed and one that must be denied (security.md T-34). @throws UNAVAILABLE */
export async function proveDecisions(questioner: Questioner, pin: Pin): Promise<void> {
  const [allowed, denied] = await questioner.prove(QUESTIONS, pin).catch((error: unknown) => {
    throw isGone(faultIn(error) ?? { status: undefined, code: '', text: '' }) ? gone(pin, error) : error;
  });
  if (allowed !== true) throw broken('OpenFGA denies what its model allows: the owner of a run may stop it.');
  if (denied !== false) throw broken('OpenFGA allows what its model denies: a stranger may see a run.');
}

function gone({ storeId, modelId }: Pin, cause: unknown): AppError {
  return broken(`OpenFGA no longer has model ${modelId} in store ${storeId}: the store was wiped or replaced.`, cause);
}

/** The pinned model is there and is ours, word for word. @throws UNAVAILABLE */
export async function proveModel({ sdk, call }: Connection, model: Model, pin: Pin): Promise<void> {
  const ids = { storeId: pin.storeId, authorizationModelId: pin.modelId };
  const found = await call('ReadModel', (options) => sdk.readAuthorizationModel({ ...options, ...ids })).catch(
    (error: unknown) => {
      throw isGone(faultIn(error) ?? { status: undefined, code: '', text: '' }) ? gone(pin, error) : error;
    },
  );
  if (found.authorization_model === undefined) throw gone(pin, 'empty answer');
  if (hashModel(found.authorization_model as ModelJson) !== model.hash) {
    throw broken(`Model ${pin.modelId} in OpenFGA store ${pin.storeId} is not the one that this server wrote.`);
  }
}
