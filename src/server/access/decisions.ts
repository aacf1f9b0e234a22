import type { Clock } from '../../core/clock.ts';

/** Decisions of the last seconds. Never a decision that was asked for before the latest change of grants. */
export interface DecisionCache {
  get(key: string): boolean | undefined;
  /** Says which state of the grants an answer will belong to: taken before asking, given to `put`. */
  generation(): number;
  put(key: string, allowed: boolean, generation: number): void;
  /** Forgets everything: grants have changed. */
  drop(): void;
  /** True while a cache of OpenFGA's own may still hold what was before the latest change. */
  settling(): boolean;
}

export interface DecisionCacheOptions {
  readonly cacheMs: number;
  readonly maxEntries?: number;
  readonly clock: Clock;
  /** The watch is up to date; without it nothing is taken from the cache. */
  readonly current: () => boolean;
  /** The first end of a stored grant after `now`: no decision is kept beyond it. */
  readonly nextEnd: (now: number) => number | undefined;
}

interface Entry {
  readonly allowed: boolean;
  /** Monotonic ms. */
  readonly expires: number;
  /** Epoch ms, or Infinity. */
  readonly ends: number;
}

const MAX_ENTRIES = 50_000;
/** Longer than the 10 s for which OpenFGA's optional query cache keeps answers by default. */
const SETTLE_MS = 15_000;

export function createDecisionCache(options: DecisionCacheOptions): DecisionCache {
  const { cacheMs, clock, current, nextEnd, maxEntries = MAX_ENTRIES } = options;
  const entries = new Map<string, Entry>();
  let generation = 0;
  let changedAt = Number.NEGATIVE_INFINITY;

  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined || !current()) return undefined;
      entries.delete(key);
      if (clock.monotonic() >= entry.expires || clock.now() >= entry.ends) return undefined;
      entries.set(key, entry);
      return entry.allowed;
    },
    generation: () => generation,
    put: (key, allowed, asked) => {
      if (asked !== generation || cacheMs <= 0) return;
      entries.delete(key);
      const ends = nextEnd(clock.now()) ?? Number.POSITIVE_INFINITY;
      entries.set(key, { allowed, expires: clock.monotonic() + cacheMs, ends });
      const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
    },
    drop: () => {
      entries.clear();
      generation++;
      changedAt = clock.monotonic();
    },
    settling: () => clock.monotonic() - changedAt < SETTLE_MS,
  };
}
