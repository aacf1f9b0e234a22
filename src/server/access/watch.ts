import type { GrantIndex, RunGrantChange } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import { isAppError } from '../../core/errors.ts';
import { parseRunId } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import type { DecisionCache } from './decisions.ts';
import type { GrantMap } from './grant-map.ts';
import type { Pin, TupleStore } from './tuple-store.ts';
import type { TupleChange } from './tuples.ts';

/** Follows OpenFGA's list of changes: keeps the map, the projection and the cache. */
export interface Watch {
  /** Reads what is new, to the end. Calls wait in line, so that a change made before this call is seen when it resolves. */
  refresh(): Promise<void>;
  /**
   * Takes up grants that the list of changes did not show: OpenFGA numbers a change before it commits it, so of two writers at
   * the same time one can end up before a position that has been read already. Resolves with how many there were.
   */
  repair(): Promise<number>;
  /** All stored tuples of the pinned store have been read. */
  ready(): boolean;
  /** Ready, and has looked lately enough for cached decisions to be used. */
  current(): boolean;
  /** Reads everything again at the next refresh. */
  reset(): void;
}

export interface WatchOptions {
  readonly tuples: TupleStore;
  readonly pin: () => Pin;
  readonly map: GrantMap;
  readonly index: GrantIndex;
  readonly cache: () => DecisionCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** How old the last look may be for cached decisions, ms. */
  readonly freshnessMs: number;
}

function toRunGrant({ op, tuple }: TupleChange): RunGrantChange | undefined {
  const run = tuple.object.startsWith('run:') ? parseRunId(tuple.object.slice('run:'.length)) : undefined;
  if (run === undefined) return undefined;
  const principal = tuple.user.endsWith('#member') ? tuple.user.slice(0, -'#member'.length) : tuple.user;
  return { op, principal, run, role: tuple.relation, until: tuple.until };
}

function toRunGrants(changes: readonly TupleChange[]): readonly RunGrantChange[] {
  return changes.map(toRunGrant).filter((grant) => grant !== undefined);
}

/** A position says whose it is: one of another store would be taken and silently skip changes. */
function parsePosition(position: string | undefined, storeId: string): string | undefined {
  const [store, token] = position?.split(' ') ?? [];
  return store === storeId ? token : undefined;
}

export function createWatch({ tuples, pin, map, index, cache, clock, log, freshnessMs }: WatchOptions): Watch {
  let token: string | undefined;
  let loadedStore: string | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let line: Promise<void> = Promise.resolve();

  /** What stands now goes to the map; changes from the stored position on then correct whatever moved meanwhile. */
  const load = async (storeId: string): Promise<void> => {
    token = parsePosition(await index.position(), storeId);
    if (token === undefined) await index.clear();
    map.clear();
    for await (const page of tuples.list({})) map.apply(page.map((tuple) => ({ op: 'write', tuple })));
  };

  const readOn = async (storeId: string): Promise<void> => {
    for (;;) {
      const page = await tuples.changes(token);
      if (page.changes.length === 0) return;
      map.apply(page.changes);
      cache().drop();
      await index.applyRunGrants(toRunGrants(page.changes), `${storeId} ${page.token}`);
      token = page.token;
    }
  };

  const look = async (): Promise<void> => {
    const begin = clock.monotonic();
    const { storeId } = pin();
    try {
      if (loadedStore !== storeId) await load(storeId);
      await readOn(storeId);
      loadedStore = storeId;
      lookedAt = begin;
    } catch (error) {
      if (isAppError(error) && error.reason === 'POSITION_INVALID') {
        log.warn({ store: storeId }, 'the position in the list of grant changes is not valid: reading all of it again');
        loadedStore = undefined;
        await index.clear();
      }
      throw error;
    }
  };

  const fill = async (): Promise<number> => {
    const missed: TupleChange[] = [];
    for await (const page of tuples.list({})) {
      missed.push(...page.filter((tuple) => !map.holds(tuple)).map((tuple) => ({ op: 'write' as const, tuple })));
    }
    if (missed.length === 0) return 0;
    map.apply(missed);
    cache().drop();
    await index.applyRunGrants(toRunGrants(missed), `${pin().storeId} ${token ?? ''}`);
    return missed.length;
  };

  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = line.then(work);
    line = turn.then(
      () => {},
      () => {},
    );
    return turn;
  };

  return {
    refresh: () => inLine(look),
    repair: () => inLine(async () => look().then(fill)),
    ready: () => loadedStore !== undefined,
    current: () => loadedStore !== undefined && clock.monotonic() - lookedAt <= freshnessMs,
    reset: () => {
      loadedStore = undefined;
    },
  };
}
