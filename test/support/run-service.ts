import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../../src/core/clock.ts';
import type { Engine } from '../../src/core/engine.ts';
import { silentLogger } from '../../src/core/log.ts';
import type { Caller, VerifiedBundle } from '../../src/core/services.ts';
import { createRunService, type RunParty, type RunServiceOptions } from '../../src/server/runs/index.ts';
import type { Store } from '../../src/server/store/index.ts';
import { makeAudit } from './store-rows.ts';

/** Short times: nothing in these tests waits for a real one. */
export const QUICK = {
  reconcileEveryMs: 30,
  pollEveryMs: 15,
  giveUpAfterMs: 300,
  outcomeWaitMs: 4_000,
  freshMs: 0,
  drainSettleMs: 40,
  yieldLogMs: 40,
  readEveryMs: 25,
} as const;

/** A run service over a store and one engine named "main". */
export function openRunService(
  store: Store,
  engine: Engine,
  options: Partial<RunServiceOptions> & { clock?: Clock } = {},
): RunParty {
  return createRunService({
    engines: new Map([['main', engine]]),
    engineOf: async () => 'main',
    stores: { runs: store, bundles: store, logs: store, meta: store },
    log: silentLogger,
    ...options,
    settings: { ...QUICK, ...options.settings },
  });
}

export function makeCaller(name = 'alice'): Caller {
  const subject = { principal: `user:test|${name}`, issuerAlias: 'test', groups: [] };
  return { account: { id: `account-${name}`, handle: name }, session: {}, subject } as unknown as Caller;
}

/** A bundle as if verified; its text makes its hash. */
export function makeBundle(text: string): VerifiedBundle {
  const content = Buffer.from(text);
  return { sha256: createHash('sha256').update(content).digest('hex'), content, app: 'lab/demo', appVersion: '1.0.0' };
}

export function makeRequest(requestId: string = randomUUID()) {
  return { requestId, federation: '@lab/default', runConfig: {}, federationConfig: {} };
}

/** A submit by alice of a bundle with that text. */
export function submitText(party: RunParty, text: string, requestId: string = randomUUID(), name = 'alice') {
  return party.runs.submit(makeCaller(name), makeBundle(text), makeRequest(requestId), makeAudit());
}
