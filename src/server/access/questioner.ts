import { randomUUID } from 'node:crypto';
import { ConsistencyPreference } from '@openfga/sdk';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Connection } from './client.ts';
import { faultOf, unavailable } from './failures.ts';
import type { Asked } from './questions.ts';
import type { Pin } from './tuple-store.ts';

/** Puts questions to OpenFGA. Answers in the order of the questions; anything but a clear answer is an error. */
export interface Questioner {
  ask(asked: Asked, pin: Pin, consistent: boolean): Promise<boolean>;
  askMany(asked: readonly Asked[], pin: Pin, consistent: boolean): Promise<readonly boolean[]>;
  /** As `askMany`, counted apart from what people asked for. At most 50. */
  prove(asked: readonly Asked[], pin: Pin): Promise<readonly boolean[]>;
}

/** OpenFGA's own limit of a batch. */
const BATCH = 50;

/** Batches at a time: OpenFGA answers all 50 of a batch side by side already, and gives up on each after 3 s. */
const PARALLEL = 2;

function consistency(consistent: boolean) {
  return consistent ? ConsistencyPreference.HigherConsistency : ConsistencyPreference.MinimizeLatency;
}

/** `until` stands in for grants made by hand that have the condition and no end: they count as ended. OpenFGA prefers the tuple's own. */
function context(clock: Clock): object {
  return { current_time: new Date(clock.now()).toISOString(), until: '1970-01-01T00:00:00Z' };
}

export function createQuestioner({ sdk, call }: Connection, clock: Clock, log: Logger): Questioner {
  const ask: Questioner['ask'] = async ({ user, relation, object, contextual }, pin, consistent) => {
    const body = { user, relation, object, context: context(clock), contextualTuples: [...contextual] };
    const ids = { storeId: pin.storeId, authorizationModelId: pin.modelId, consistency: consistency(consistent) };
    const answer = await call('Check', (options) => sdk.check(body, { ...options, ...ids }));
    if (typeof answer.allowed !== 'boolean') throw unavailable('OpenFGA answered a Check without a decision');
    return answer.allowed;
  };

  const askBatch = async (
    name: string,
    asked: readonly Asked[],
    pin: Pin,
    consistent: boolean,
  ): Promise<readonly boolean[]> => {
    const time = context(clock);
    const checks = asked.map(({ user, relation, object, contextual }) => {
      const contextualTuples = { tuple_keys: [...contextual] };
      return { user, relation, object, contextualTuples, context: time, correlationId: randomUUID() };
    });
    const ids = { storeId: pin.storeId, authorizationModelId: pin.modelId, consistency: consistency(consistent) };
    const answer = await call(name, (options) => sdk.batchCheck({ checks }, { ...options, ...ids }));
    const results = new Map(answer.result.map((item) => [item.correlationId, item]));
    return checks.map(({ correlationId }) => {
      const item = results.get(correlationId);
      if (item === undefined || item.error !== undefined) {
        log.error({ fault: faultOf(item?.error) }, 'OpenFGA refused one question of a batch');
        throw unavailable(faultOf(item?.error));
      }
      return item.allowed;
    });
  };

  return {
    ask,
    askMany: async (asked, pin, consistent) => {
      const [only] = asked;
      if (only !== undefined && asked.length === 1) return [await ask(only, pin, consistent)];
      const answers: boolean[] = [];
      for (let start = 0; start < asked.length; start += PARALLEL * BATCH) {
        const batches = Array.from({ length: PARALLEL }, (_, index) => {
          const from = start + index * BATCH;
          return asked.slice(from, from + BATCH);
        }).filter((batch) => batch.length > 0);
        answers.push(...(await Promise.all(batches.map((one) => askBatch('BatchCheck', one, pin, consistent)))).flat());
      }
      return answers;
    },
    prove: (asked, pin) => askBatch('Proof', asked, pin, true),
  };
}
