/** Wake-ups inside this process. They only make waiting shorter: who waits looks into the store afterwards. */
export interface Signals {
  notify(topic: string): void;
  /** Resolves at the next `notify` of the topic, after `ms`, or when `signal` aborts; never rejects. */
  wait(topic: string, ms: number, signal?: AbortSignal): Promise<void>;
}

export function createSignals(): Signals {
  const waiting = new Map<string, Set<() => void>>();

  function notify(topic: string): void {
    for (const wake of waiting.get(topic) ?? []) wake();
  }

  function wait(topic: string, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const all = waiting.get(topic) ?? new Set();
      waiting.set(topic, all.add(wake));
      const timer = setTimeout(wake, ms);
      signal?.addEventListener('abort', wake, { once: true });
      function wake(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        all.delete(wake);
        if (all.size === 0 && waiting.get(topic) === all) waiting.delete(topic);
        resolve();
      }
    });
  }

  return { notify, wait };
}

/** Topic of the submits of one bundle to one engine. */
export function submitTopic(engine: string, bundleSha256: string): string {
  return `submit ${engine} ${bundleSha256}`;
}
