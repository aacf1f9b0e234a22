import type { LoginStore } from '../../core/sessions.ts';
import { tooManyLogins } from './failures.ts';

/** How often the store is asked what other processes have done. */
const LOOK_EVERY_MS = 250;
const BUSY_RETRY_MS = 5000;

/** Clients that wait for a login to be approved, at most one for each. */
export interface Waiting {
  /** Takes the place of a client that waited before. @throws RESOURCE_EXHAUSTED TOO_MANY_LOGINS */
  enter(handleHash: string, signal: AbortSignal): Seat;
  /** Something has happened to that login, in this process. */
  wake(handleHash: string): void;
  readonly size: number;
}

export interface Seat {
  /** Resolves when something has happened, after `ms` at the latest, or when the client is gone. */
  rest(ms: number): Promise<void>;
  /** Another client took the place. */
  readonly isTaken: boolean;
  leave(): void;
}

interface Waiter {
  wake(): void;
  isTaken: boolean;
}

/** Timers hold an int32. */
const MAX_REST_MS = 2 ** 31 - 1;

export function createWaiting({ logins, limit }: { logins: LoginStore; limit: number }): Waiting {
  const waiters = new Map<string, Waiter>();
  let timer: NodeJS.Timeout | undefined;

  /** Wakes those whose login has been approved, ended or fetched, by whichever process. */
  async function look(): Promise<void> {
    const asked = [...waiters.keys()];
    const open = await logins.openLogins(asked).catch(() => new Set(asked));
    for (const hash of asked) if (!open.has(hash)) waiters.get(hash)?.wake();
  }
  function lookLater(): void {
    if (timer !== undefined || waiters.size === 0) return;
    timer = setTimeout(() => {
      void look().finally(() => {
        timer = undefined;
        lookLater();
      });
    }, LOOK_EVERY_MS);
    timer.unref();
  }

  return {
    get size() {
      return waiters.size;
    },
    enter(hash, signal) {
      const before = waiters.get(hash);
      if (!before && waiters.size >= limit) throw tooManyLogins(BUSY_RETRY_MS);
      const { waiter, rest } = createWaiter(signal);
      if (before) before.isTaken = true;
      waiters.set(hash, waiter);
      before?.wake();
      lookLater();
      return {
        rest,
        get isTaken() {
          return waiter.isTaken;
        },
        leave() {
          if (waiters.get(hash) === waiter) waiters.delete(hash);
        },
      };
    },
    wake: (hash) => waiters.get(hash)?.wake(),
  };
}

/** A wake that comes before the rest is not lost: the rest is over at once. */
function createWaiter(signal: AbortSignal): { waiter: Waiter; rest: Seat['rest'] } {
  let woken = false;
  let end: () => void = () => undefined;
  const waiter: Waiter = {
    isTaken: false,
    wake() {
      woken = true;
      end();
    },
  };
  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => end(), Math.min(ms, MAX_REST_MS));
      const abort = () => end();
      end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        woken = false;
        end = () => undefined;
        resolve();
      };
      signal.addEventListener('abort', abort);
      if (woken || signal.aborted) end();
    });
  return { waiter, rest };
}
