/** Exclusive use, first come first served. */
export interface Lock {
  /** Resolves when the lock is ours; false when `timeoutMs` passed before. */
  acquire(timeoutMs: number): Promise<boolean>;
  release(): void;
}

export function createLock(): Lock {
  let held = false;
  const waiting = new Set<() => void>();

  return {
    acquire(timeoutMs) {
      if (!held) {
        held = true;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(enter);
          resolve(false);
        }, timeoutMs);
        const enter = () => {
          clearTimeout(timer);
          resolve(true);
        };
        waiting.add(enter);
      });
    },
    release() {
      const next = waiting.values().next();
      if (next.done) {
        held = false;
        return;
      }
      waiting.delete(next.value);
      next.value();
    },
  };
}
