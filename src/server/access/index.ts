import type { Checker, GrantIndex, Grants } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { ForwardProxy } from '../../core/proxy.ts';
import type { Secret } from '../../core/secret.ts';
import type { Service } from '../../core/services.ts';
import type { MetaStore } from '../../core/sessions.ts';
import { createChecker } from './checker.ts';
import { connect } from './client.ts';
import { createDecisionCache, type DecisionCache } from './decisions.ts';
import { causeOf, createDuties } from './duties.ts';
import { createGate } from './gate.ts';
import { createGrantMap } from './grant-map.ts';
import { createGrants, sweepEnded } from './grants.ts';
import { createLock } from './locks.ts';
import { loadModel } from './model.ts';
import { proveDecisions, proveModel } from './proof.ts';
import { createQuestioner } from './questioner.ts';
import type { EverybodysRole } from './questions.ts';
import { setUp } from './setup.ts';
import { createTupleStore } from './tuple-store.ts';
import { createWatch } from './watch.ts';

export interface AccessOptions {
  readonly url: string;
  /** Wins over the store that is pinned in `meta`. */
  readonly storeId?: string | undefined;
  /** Looked for, and made, where no id is known. 3 to 64 characters. */
  readonly storeName: string;
  /** A model that somebody else wrote; it must equal ours. Undefined: written by this server where it is missing. */
  readonly modelId?: string | undefined;
  readonly apiToken?: Secret | undefined;
  /** PEM file with the CA of OpenFGA's certificate. */
  readonly caFile?: string | undefined;
  /** The way to an https:// OpenFGA; default: straight. */
  readonly proxy?: ForwardProxy | undefined;
  /** For each request to OpenFGA with its retries; 1 s. */
  readonly deadlineMs?: number | undefined;
  /** How long a decision may be reused; 5 s, 0 = never. */
  readonly cacheMs?: number | undefined;
  /** Between two looks at OpenFGA's list of changes; 500 ms. */
  readonly watchMs?: number | undefined;
  /** Roles that everybody has who can log in; they go with each question and are stored nowhere. */
  readonly everybody?: readonly EverybodysRole[] | undefined;
  readonly meta: MetaStore;
  readonly index: GrantIndex;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observe?: ((call: { name: string; ms: number; ok: boolean }) => void) | undefined;
}

/** Who may do what, decided by OpenFGA. */
export interface Access {
  readonly checker: Checker;
  readonly grants: Grants;
  /**
   * The watch, the repeated proof and the upkeep of grants (every 5 minutes: sweeps ended ones, takes up missed ones). `start` resolves after the first try to set up, also
   * where that failed: until it works everything is UNAVAILABLE, and `probe` says why.
   */
  readonly service: Service;
  /** Proves store and model now. @throws UNAVAILABLE AUTHORIZATION_UNAVAILABLE | AUTHORIZATION_STORE_BROKEN with a public sentence */
  probe(): Promise<void>;
  /** Undefined until the set-up has worked once. */
  storeId(): string | undefined;
  modelId(): string | undefined;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const PROOF_MS = 30 * SECOND;
const UPKEEP_MS = 300 * SECOND;
/** Ended grants are kept this long, so that one that is being extended is not swept, whose clock may ever go ahead. */
const ENDED_KEEP_MS = HOUR;

export function createAccess(options: AccessOptions): Access {
  const {
    meta,
    index,
    clock,
    log,
    storeId,
    modelId,
    deadlineMs = SECOND,
    cacheMs = 5 * SECOND,
    watchMs = SECOND / 2,
  } = options;
  const connection = connect({ ...options, deadlineMs });
  const model = loadModel();
  const map = createGrantMap();
  const lock = createLock();
  const questioner = createQuestioner(connection, clock, log);

  const gate = createGate({
    setUp: () => setUp({ connection, model, meta, storeId, modelId, storeName: options.storeName, log }),
    proveAll: async (pin) => {
      await proveModel(connection, model, pin);
      await proveDecisions(questioner, pin);
    },
    clock,
    changed: () => {
      watch.reset();
      cache.drop();
    },
  });
  const tuples = createTupleStore(connection, gate.pin);
  const watch = createWatch({
    tuples,
    pin: gate.pin,
    map,
    index,
    cache: (): DecisionCache => cache,
    clock,
    log,
    freshnessMs: 3 * watchMs,
  });
  const cache = createDecisionCache({ cacheMs, clock, current: watch.current, nextEnd: map.nextEnd });
  const written = async (): Promise<void> => {
    cache.drop();
    await watch.refresh();
  };
  const duties = createDuties(
    [
      { name: 'authorization proof', run: () => gate.keepProven(PROOF_MS), pause: () => 2 * SECOND },
      { name: 'grant watch', run: watch.refresh, pause: () => watchMs },
      {
        name: 'grant upkeep',
        run: async () => {
          const missed = await watch.repair();
          if (missed > 0) log.info({ missed }, 'took up grants that the list of changes had not shown');
          const swept = await sweepEnded(tuples, lock, clock.now() - ENDED_KEEP_MS);
          if (swept > 0) log.info({ swept }, 'deleted ended grants');
        },
        pause: (ok) => (ok ? UPKEEP_MS : 30 * SECOND),
      },
    ],
    log,
  );

  return {
    checker: createChecker({
      questioner,
      cache,
      pin: gate.pin,
      defines: model.defines,
      known: () => (watch.ready() ? map : undefined),
      everybody: options.everybody ?? [],
    }),
    grants: createGrants({ tuples, lock, clock, log, written }),
    service: {
      start: async () => {
        await gate
          .prove()
          .then(watch.refresh)
          .catch((error: unknown) => {
            log.error({ err: error, cause: causeOf(error) }, 'authorization is not ready');
          });
        await duties.start();
      },
      stop: async () => {
        await duties.stop();
        connection.close();
      },
    },
    probe: gate.prove,
    storeId: () => gate.last()?.storeId,
    modelId: () => gate.last()?.modelId,
  };
}
