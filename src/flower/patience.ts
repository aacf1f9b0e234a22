import { setTimeout as pause } from 'node:timers/promises';
import { isFlowerFailure } from './failure.ts';

const RETRY_MS = 100;

/** Tries for `ms` to get a connection; nothing was sent as long as there is none. */
export async function patiently<T>(ms: number, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isOver = performance.now() + RETRY_MS > end;
      if (isOver || !isFlowerFailure(error) || error.kind !== 'unreachable') throw error;
      await pause(RETRY_MS);
    }
  }
}
