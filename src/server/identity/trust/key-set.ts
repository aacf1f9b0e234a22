import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import { issuerUnavailable } from './failures.ts';
import { type TrustedKey, usableKeys } from './jwk.ts';

/** The published keys of one trusted issuer, read when needed and no more often than that (security.md MD-03, T-12). */
export interface KeySet {
  /**
   * The one key that fits; undefined where none or several do.
   * @throws UNAVAILABLE TRUSTED_ISSUER_UNAVAILABLE while no keys can be had
   */
  find(header: { kid: string | undefined; alg: string }): Promise<TrustedKey | undefined>;
}

export interface KeySetOptions {
  /** Alias, for the log. */
  readonly issuer: string;
  readonly read: () => Promise<JSONWebKeySet>;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_AGE_MS = 3600_000;
/** So long keys serve where newer ones can't be had. */
const STALE_MS = 24 * 3600_000;
/** Between two reads for unknown key ids, whatever tokens name. */
const UNKNOWN_KID_MS = 30_000;
/** After a read that failed: with keys in hand, and without. */
const RETRY_MS = 30_000;
const FIRST_RETRY_MS = 1000;

interface Known {
  readonly keys: readonly TrustedKey[];
  readonly at: number;
}

export function createKeySet({ issuer, read, clock, log }: KeySetOptions): KeySet {
  let known: Known | undefined;
  let failed: { at: number; error: unknown } | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<Known> | undefined;

  async function load(): Promise<Known> {
    const at = clock.monotonic();
    try {
      known = { keys: usableKeys(await read()), at };
      failed = undefined;
      return known;
    } catch (error) {
      failed = { at, error };
      log.warn({ issuer, err: error }, 'the keys of a trusted issuer could not be read; those known serve for a day');
      throw issuerUnavailable(error);
    }
  }
  function loadOnce(): Promise<Known> {
    reading ??= load().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function current(): Promise<Known> {
    const now = clock.monotonic();
    const old = known;
    if (old && now - old.at < MAX_AGE_MS) return old;
    const isFresh = old && now - old.at < STALE_MS;
    if (failed && now - failed.at < (isFresh ? RETRY_MS : FIRST_RETRY_MS)) {
      if (isFresh) return old;
      throw issuerUnavailable(failed.error);
    }
    return loadOnce().catch((error) => {
      if (isFresh) return old;
      throw error;
    });
  }

  return {
    async find(header) {
      const found = pick(await current(), header);
      if (found) return found;
      const now = clock.monotonic();
      if (now - lookedAt >= UNKNOWN_KID_MS) {
        lookedAt = now;
        await loadOnce().catch(() => undefined);
      } else await reading?.catch(() => undefined);
      return known && pick(known, header);
    },
  };
}

/** By its id alone, which is never an address or a path (AT-10). A token without one can mean the only key that there is. */
function pick({ keys }: Known, { kid, alg }: { kid: string | undefined; alg: string }): TrustedKey | undefined {
  const fitting = keys.filter((key) => (kid === undefined || key.kid === kid) && key.algorithms.includes(alg));
  return fitting.length === 1 ? fitting[0] : undefined;
}
