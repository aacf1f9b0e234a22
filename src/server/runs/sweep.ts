import type { RunParts } from './parts.ts';

/** Deletes logs and bundles whose time is over; now and then, one sweep at a time. */
export function createSweep({ stores, clock, settings, signals, log }: RunParts) {
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep().catch((error: unknown) => log.warn({ err: error }, 'sweep of logs and bundles failed'));
      await signals.wait('sweep', settings.sweepEveryMs, stopping.signal);
    }
  }

  async function sweep(): Promise<void> {
    const logs = await stores.logs.sweepLogs(clock.now() - settings.logRetentionMs);
    const bundles = await stores.bundles.sweepBundles(clock.now() - settings.bundleRetentionMs);
    if (logs + bundles > 0) log.info({ logs, bundles }, 'old logs and bundles deleted');
  }

  return {
    start(): void {
      loop = run();
    },
    async stop(): Promise<void> {
      stopping.abort();
      await loop;
    },
  };
}
