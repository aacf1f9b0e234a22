import { addressKey } from '../../core/addresses.ts';
import type { Clock } from '../../core/clock.ts';
import { createLru } from './lru.ts';

/** How many logins may be started and be open (security.md DG-13). */
export interface LoginLimits {
  /** Flows under way in all. */
  readonly pending: number;
  /** Starts per minute and address; an IPv6 address counts with its /64. */
  readonly startsPerMinute: number;
  /** A login that nobody approves ends after this time, or sooner where the provider says so; 10 minutes. */
  readonly lifeMs?: number;
}

export const DEFAULT_LOGIN_LIMITS: LoginLimits = { pending: 1000, startsPerMinute: 30 };

const MAX_ADDRESSES = 10_000;
const MINUTE_MS = 60_000;

/** A bucket per address that fills evenly. `take` gives 0, or the ms until the next start is allowed. */
export function createStartPace({ perMinute, clock }: { perMinute: number; clock: Clock }) {
  const buckets = createLru<{ tokens: number; at: number }>(MAX_ADDRESSES);
  return {
    take(address: string): number {
      const key = addressKey(address);
      const now = clock.monotonic();
      const last = buckets.get(key) ?? { tokens: perMinute, at: now };
      const tokens = Math.min(perMinute, last.tokens + ((now - last.at) * perMinute) / MINUTE_MS);
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * MINUTE_MS) / perMinute);
    },
  };
}
