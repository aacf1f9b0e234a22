import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../core/engine.ts';

/** Anybody may ask, and nobody waits long for an engine that is away. */
const WAIT_MS = 500;

/**
 * Family of app bundles that an engine's release builds, for whoever asks: the last one that it told while it is away;
 * 0 where it is not known. Any number of callers is one question.
 */
export function createFamilyQuestion(
  engine: Pick<Engine, 'bundleFamily'> | undefined,
  waitMs = WAIT_MS,
): () => Promise<number> {
  let known = 0;
  let asking: Promise<void> | undefined;
  const ask = async (): Promise<void> => {
    known = (await engine?.bundleFamily().catch(() => undefined)) ?? known;
    asking = undefined;
  };
  return async () => {
    asking ??= ask();
    const timer = new AbortController();
    await Promise.race([asking, delay(waitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    return known;
  };
}
