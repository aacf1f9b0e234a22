/** What stands for "still here, nothing new". */
export const PULSE = Symbol('pulse');

/** Longest silence where the configuration says nothing; balancers take 60 s for a dead stream. */
export const PULSE_MS = 20_000;

/**
 * The same items, with a {@link PULSE} after every `everyMs` of silence: balancers cut streams on which no message comes,
 * whatever pings go over the connection.
 */
export async function* pulsing<T>(source: AsyncIterable<T>, everyMs: number): AsyncGenerator<T | typeof PULSE> {
  const items = source[Symbol.asyncIterator]();
  let next = items.next();
  try {
    for (;;) {
      const first = await soonerOf(next, everyMs);
      if (first === PULSE) {
        yield PULSE;
        continue;
      }
      if (first.done) return;
      yield first.value;
      next = items.next();
    }
  } finally {
    // A pull under way ends with whatever ends the stream; nobody is left to hear how.
    next.catch(() => undefined);
    void items.return?.().catch(() => undefined);
  }
}

async function soonerOf<T>(next: Promise<T>, everyMs: number): Promise<T | typeof PULSE> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<typeof PULSE>((resolve) => {
    timer = setTimeout(() => resolve(PULSE), everyMs);
  });
  try {
    return await Promise.race([next, silence]);
  } finally {
    clearTimeout(timer);
  }
}
