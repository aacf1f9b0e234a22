import type { Clock } from '../../core/clock.ts';
import type { AppError } from '../../core/errors.ts';
import { isAppError } from '../../core/errors.ts';
import { unavailable } from './failures.ts';
import type { Pin } from './tuple-store.ts';

/** Open while the store and the model are proven. Nothing is decided or granted through a closed gate. */
export interface Gate {
  /** @throws UNAVAILABLE while closed */
  pin(): Pin;
  /** The pin that was proven last, open or not. */
  last(): Pin | undefined;
  /**
   * Proves again, once for all who ask at the same time. A store that is merely out of reach leaves the gate as it is:
   * its checks fail by themselves, and work again as soon as it is back.
   * @throws UNAVAILABLE AUTHORIZATION_UNAVAILABLE | AUTHORIZATION_STORE_BROKEN
   */
  prove(): Promise<void>;
  /** As `prove` where the gate is closed, or the last proof is older than `ms`; else nothing. */
  keepProven(ms: number): Promise<void>;
}

export interface GateOptions {
  readonly setUp: () => Promise<Pin>;
  readonly clock: Clock;
  readonly proveAll: (pin: Pin) => Promise<void>;
  /** Told when the gate opens on a pin, or closes. */
  readonly changed: () => void;
}

export function createGate({ setUp, proveAll, clock, changed }: GateOptions): Gate {
  let proven: Pin | undefined;
  let last: Pin | undefined;
  let problem: AppError = unavailable('not proven yet');
  let provenAt = Number.NEGATIVE_INFINITY;
  let underway: Promise<void> | undefined;

  const proveOnce = async (): Promise<void> => {
    try {
      const pin = proven ?? (await setUp());
      await proveAll(pin);
      provenAt = clock.monotonic();
      if (proven === undefined) {
        proven = pin;
        last = pin;
        changed();
      }
    } catch (error) {
      problem = isAppError(error) ? error : unavailable(error);
      if (proven !== undefined && problem.reason === 'AUTHORIZATION_STORE_BROKEN') {
        proven = undefined;
        changed();
      }
      throw problem;
    }
  };

  const prove = (): Promise<void> => {
    underway ??= proveOnce().finally(() => {
      underway = undefined;
    });
    return underway;
  };

  return {
    pin: () => {
      if (proven === undefined) throw unavailable(problem, problem.message);
      return proven;
    },
    last: () => last,
    prove,
    keepProven: async (ms) => {
      if (proven === undefined || clock.monotonic() - provenAt >= ms) await prove();
    },
  };
}
