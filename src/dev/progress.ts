/** Tells the person what is going on; one line per call. */
export type Progress = (line: string) => void;

/** Lines with the time since the start in front: `[ 12.3s] text`. */
export function timedProgress(options: { write: (text: string) => void; monotonic: () => number }): Progress {
  const start = options.monotonic();
  return (line) => {
    const seconds = ((options.monotonic() - start) / 1000).toFixed(1);
    options.write(`[${seconds.padStart(5)}s] ${line}\n`);
  };
}

/** Repeats `line` every 15 s while `work` lasts, so that nobody takes a long step for a hang. */
export async function keepTelling<T>(progress: Progress, line: string, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => progress(`${line} (still at it)`), 15_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
