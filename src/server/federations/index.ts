import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { Federation, FederationStore, Federations } from '../../core/federations.ts';

export interface FederationsOptions {
  readonly store: FederationStore;
  readonly clock: Clock;
}

/** How far behind other processes an answer may be, milliseconds. */
const FRESH_MS = 1000;
/** From this age on the next rows are fetched while the present ones still answer: under load nobody waits. */
const AGEING_MS = FRESH_MS / 2;

interface Known {
  readonly list: readonly Federation[];
  readonly byId: ReadonlyMap<string, Federation>;
  /** Monotonic time before the rows were read. */
  readonly readAt: number;
}

/**
 * The federations in memory. They are read again at most twice a second, however many calls ask; own changes show at
 * once. Where the store does not answer, neither does this: UNAVAILABLE STORE_*.
 */
export function createFederations({ store, clock }: FederationsOptions): Federations {
  let known: Known | undefined;
  let underway: Promise<Known> | undefined;
  /** Changes made here: rows that were read before the last of them may lack it. */
  let changes = 0;

  const read = async (): Promise<Known> => {
    for (;;) {
      const seen = changes;
      const readAt = clock.monotonic();
      const list = await store.federations();
      if (seen === changes) return keep(list, readAt);
    }
  };

  const keep = (list: readonly Federation[], readAt: number): Known => {
    known = { list, byId: new Map(list.map((federation) => [federation.id, federation])), readAt };
    return known;
  };

  const refresh = (): Promise<Known> => {
    underway ??= read().finally(() => {
      underway = undefined;
    });
    return underway;
  };

  const current = async (): Promise<Known> => {
    const age = known === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - known.readAt;
    if (known === undefined || age >= FRESH_MS) return refresh();
    // Who comes when it is too old meets the failure of this one themselves.
    if (age >= AGEING_MS) refresh().catch(() => undefined);
    return known;
  };

  const put = (federation: Federation): void => {
    changes += 1;
    if (known === undefined) return;
    const others = known.list.filter(({ id }) => id !== federation.id);
    const list = [...others, federation].sort((one, other) => (one.id < other.id ? -1 : 1));
    keep(list, known.readAt);
  };

  return {
    all: async () => (await current()).list,

    find: async (id) => (await current()).byId.get(id) ?? (await refresh()).byId.get(id),

    async create(federation) {
      if (!(await store.insertFederation(federation))) {
        throw new AppError('ALREADY_EXISTS', 'FEDERATION_EXISTS', `There is a federation ${federation.id} already.`, {
          hint: 'Choose another name; the name of an archived federation stays taken.',
        });
      }
      put(federation);
    },

    async change(id, change) {
      const changed = await store.updateFederation(id, change);
      if (changed === undefined)
        throw new AppError('NOT_FOUND', 'FEDERATION_NOT_FOUND', 'There is no such federation.');
      put(changed);
      return changed;
    },
  };
}
