import { addressKey } from '../../core/addresses.ts';
import type { Clock } from '../../core/clock.ts';
import type { LoginStore } from '../../core/sessions.ts';
import { tooManyLogins } from './failures.ts';
import { createLru } from './lru.ts';

/** How many logins may be started and be open (security.md DG-13). */
export interface LoginLimits {
  /** Flows under way in all. */
  readonly pending: number;
  /** And of one address; an IPv6 address counts with its /64. */
  readonly pendingPerAddress: number;
  /** Starts per minute and address; an IPv6 address counts with its /64. */
  readonly startsPerMinute: number;
  /** A login that nobody approves ends after this time, or sooner where the provider says so; 10 minutes. */
  readonly lifeMs?: number;
}

export const DEFAULT_LOGIN_LIMITS: LoginLimits = { pending: 1000, pendingPerAddress: 100, startsPerMinute: 30 };

const MAX_KEYS = 10_000;
const MINUTE_MS = 60_000;

/** Buckets that fill evenly, one per key. */
export interface Pace {
  /** 0, or the ms until the next one is allowed. */
  take(key: string): number;
  /** Undoes a `take` that gave 0. */
  giveBack(key: string): void;
}

export function createPace({ perMinute, clock }: { perMinute: number; clock: Clock }): Pace {
  const buckets = createLru<{ tokens: number; at: number }>(MAX_KEYS);
  const fill = (key: string) => {
    const now = clock.monotonic();
    const last = buckets.get(key) ?? { tokens: perMinute, at: now };
    return { now, tokens: Math.min(perMinute, last.tokens + ((now - last.at) * perMinute) / MINUTE_MS) };
  };
  return {
    take(key) {
      const { now, tokens } = fill(key);
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * MINUTE_MS) / perMinute);
    },
    giveBack(key) {
      const { now, tokens } = fill(key);
      buckets.set(key, { tokens: Math.min(perMinute, tokens + 1), at: now });
    },
  };
}

/** Starts of logins, per address. */
export function createStartPace(options: { perMinute: number; clock: Clock }): Pick<Pace, 'take'> {
  const pace = createPace(options);
  return { take: (address) => pace.take(addressKey(address)) };
}

const FULL_RETRY_MS = 60_000;

/** Room for logins under way, in all and of one address: few addresses can't take it all (security.md DG-13). */
export function createLoginRoom({
  logins,
  limits,
  clock,
}: {
  logins: Pick<LoginStore, 'countLogins'>;
  limits: LoginLimits;
  clock: Clock;
}) {
  /** Addresses of logins that are being started: no row stands for them yet. */
  const starting: string[] = [];
  return {
    /** Runs `start` where there is room. @throws RESOURCE_EXHAUSTED TOO_MANY_LOGINS */
    async within<T>(address: string, start: () => Promise<T>): Promise<T> {
      const key = addressKey(address);
      const counts = await logins.countLogins(clock.now());
      const open = [...counts].map(([of, count]) => ({ key: addressKey(of), count }));
      const all = [...open, ...starting.map((one) => ({ key: one, count: 1 }))];
      const sum = (rows: typeof all) => rows.reduce((total, { count }) => total + count, 0);
      const isFull = sum(all) >= limits.pending;
      if (isFull || sum(all.filter((one) => one.key === key)) >= limits.pendingPerAddress)
        throw tooManyLogins(FULL_RETRY_MS);
      starting.push(key);
      try {
        return await start();
      } finally {
        starting.splice(starting.indexOf(key), 1);
      }
    },
  };
}

const GUESSES_PER_ADDRESS = 10;
/** With a thousand logins open for ten minutes, guessing finds one of them in 20^8 with a chance of 1 in 10,000. */
const GUESSES_IN_ALL = 200;

/** Wrong user codes, per address and in all (RFC 8628 section 5.1). A right one is given back. */
export function createGuessPace(clock: Clock): Pace {
  const own = createPace({ perMinute: GUESSES_PER_ADDRESS, clock });
  const all = createPace({ perMinute: GUESSES_IN_ALL, clock });
  return {
    take(address) {
      const wait = own.take(addressKey(address));
      return wait > 0 ? wait : all.take('');
    },
    giveBack(address) {
      own.giveBack(addressKey(address));
      all.giveBack('');
    },
  };
}
