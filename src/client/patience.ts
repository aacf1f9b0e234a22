import { setTimeout as delay } from 'node:timers/promises';
import type { AppError, ErrorCode } from '../core/errors.ts';

const PATIENCE_MS = 10 * 60_000;
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000, 8_000] as const;
/** A server that is drained, restarted or cut off; asking again from where it broke is safe. */
const PASSING: readonly ErrorCode[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED', 'INTERNAL', 'RESOURCE_EXHAUSTED'];

/** True for a failure that time may heal. */
export function isPassing({ code }: AppError): boolean {
  return PASSING.includes(code);
}

/** How long a stream that breaks is taken up again. */
export interface Patience {
  /** The server has answered: from now on its absence is waited out. Before that a person wants to hear at once what is wrong. */
  reached(): void;
  /** A stream stood until now: long silence of a run is no failure. */
  stood(): void;
  /** Something came: the next pause is short again. */
  progressed(): void;
  /** True where a failure is worth another try. */
  allows(failure: AppError): boolean;
  /** Waits longer each time, never in step with others (security.md F-40). Returns early when `signal` aborts. */
  pause(failure: AppError, signal: AbortSignal): Promise<void>;
}

/** @param patienceMs give up after this time without any answer */
export function newPatience(patienceMs: number = PATIENCE_MS): Patience {
  let reached = false;
  // By the monotonic clock.
  let stoodAt = performance.now();
  let failures = 0;
  return {
    reached: () => {
      reached = true;
    },
    stood: () => {
      stoodAt = performance.now();
    },
    progressed: () => {
      failures = 0;
    },
    allows: (failure) => isPassing(failure) && reached && performance.now() - stoodAt < patienceMs,
    async pause(failure, signal) {
      const base = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 8_000;
      failures += 1;
      const wait = Math.max(base * (0.5 + Math.random()), Math.min(failure.retryAfterMs ?? 0, 30_000));
      await delay(wait, undefined, { signal }).catch(() => {});
    },
  };
}
