import { setTimeout as delay } from 'node:timers/promises';
import { isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Service } from '../../core/services.ts';

export interface Duty {
  readonly name: string;
  run(): Promise<void>;
  /** Milliseconds until the next run. */
  pause(ok: boolean): number;
}

/** Runs each duty again and again, its pause after its end. A failure is logged when it begins and when it ends, not each time. */
export function createDuties(duties: readonly Duty[], log: Logger): Service {
  let ending = new AbortController();
  let loops: Promise<void>[] = [];

  const loop = async ({ name, run, pause }: Duty, signal: AbortSignal): Promise<void> => {
    let ok = true;
    while (!signal.aborted) {
      const worked = await run().then(
        () => undefined,
        (error: unknown) => error ?? 'unknown',
      );
      if (worked !== undefined && ok) log.warn({ duty: name, err: worked, cause: causeOf(worked) }, 'a duty fails');
      if (worked === undefined && !ok) log.info({ duty: name }, 'a duty works again');
      ok = worked === undefined;
      await delay(pause(ok), undefined, { signal }).catch(() => {});
    }
  };

  return {
    start: async () => {
      ending = new AbortController();
      loops = duties.map((duty) => loop(duty, ending.signal));
    },
    stop: async () => {
      ending.abort();
      await Promise.all(loops);
    },
  };
}

/** What really happened; the log shows causes of an error only where they are errors themselves. */
export function causeOf(error: unknown): unknown {
  return isAppError(error) ? error.cause : undefined;
}
