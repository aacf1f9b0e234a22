/** Settles when `target` takes more, or when `signal` says that there is no sense in it. */
export function drained(
  target: { once(event: 'drain', done: () => void): unknown; off(event: 'drain', done: () => void): unknown },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      target.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    target.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
