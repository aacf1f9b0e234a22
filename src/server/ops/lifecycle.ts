/** What a server process needs to know of its server. */
export interface Stoppable {
  stop(): Promise<void>;
  readonly closed: Promise<void>;
  /** Reads certificates again. */
  reload(): Promise<void>;
}

/**
 * Lives as long as the server: SIGTERM and SIGINT end it in order, a second one at once; SIGHUP reads certificates again.
 * Resolves when the server has stopped, rejects if stopping failed.
 */
export async function runUntilStopped(server: Stoppable, host: NodeJS.Process): Promise<void> {
  let stopping: Promise<void> | undefined;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const onStop = (): void => {
    if (stopping) host.exit(1);
    stopping = server.stop();
    stopping.catch(reject);
  };
  const onReload = (): void => void server.reload().catch(reject);
  host.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onReload);
  try {
    await Promise.race([server.closed, failed]);
  } finally {
    host.off('SIGTERM', onStop).off('SIGINT', onStop).off('SIGHUP', onReload);
  }
}
