import { fstatSync } from 'node:fs';

/** Why `fedctl dev` ends; "broken" is told by others. */
export type EndReason = 'signal' | 'stdin' | 'parent';

export interface Ending {
  /** Resolves at the first reason to end. */
  readonly reason: Promise<EndReason>;
  /** Aborted at the same moment. */
  readonly signal: AbortSignal;
  /** Stops looking, so that this process can end. */
  close(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PARENT_POLL_MS = 250;
const IMPATIENCE_MS = 500;

/**
 * Looks for a reason to end: a signal, the end of standard input where that is a pipe (who held it is gone), or the death
 * of the parent process. A second Ctrl-C, later, ends at once and without ceremony: the supervisors end the children then.
 * Signals that come together are one: a terminal sends SIGINT to all its programs, and one of them may pass it on.
 */
export function watchForEnd(process: NodeJS.Process): Ending {
  const aborter = new AbortController();
  const { promise, resolve } = Promise.withResolvers<EndReason>();
  let since = 0;
  const end = (reason: EndReason): void => {
    if (aborter.signal.aborted) return;
    since = performance.now();
    aborter.abort();
    resolve(reason);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    const again = aborter.signal.aborted && performance.now() - since > IMPATIENCE_MS;
    if (again && signal === 'SIGINT') process.exit(1);
    end('signal');
  };
  const onStdinEnd = (): void => end('stdin');
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const piped = isPipe();
  if (piped) process.stdin.once('end', onStdinEnd).once('error', onStdinEnd).resume();
  const parent = process.ppid;
  const poll = setInterval(() => (process.ppid === parent ? undefined : end('parent')), PARENT_POLL_MS);
  return {
    reason: promise,
    signal: aborter.signal,
    close: () => {
      clearInterval(poll);
      for (const signal of SIGNALS) process.off(signal, onSignal);
      if (piped) process.stdin.off('end', onStdinEnd).destroy();
    },
  };
}

function isPipe(): boolean {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isSocket();
  } catch {
    return false;
  }
}
