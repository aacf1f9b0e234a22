import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { ChildProcess } from './processes.ts';

export interface Wait {
  readonly process: ChildProcess;
  /** What it is called in a sentence: "The SuperLink". */
  readonly what: string;
  /** True once it is ready. */
  readonly probe: () => Promise<boolean>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when the probe says so. @throws UNAVAILABLE DEV_PROCESS_FAILED where the process ends before, or takes too long */
export async function waitUntilReady(wait: Wait): Promise<void> {
  const hint = `Its log is ${wait.process.logFile}`;
  const deadline = performance.now() + wait.timeoutMs;
  let gone = false;
  void wait.process.exited.then(() => {
    gone = true;
  });
  while (!(await wait.probe())) {
    wait.signal.throwIfAborted();
    if (gone)
      throw new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', `${wait.what} ended while it was starting.`, { hint });
    if (performance.now() > deadline) {
      const text = `${wait.what} was not ready after ${Math.round(wait.timeoutMs / 1000)} s.`;
      throw new AppError('UNAVAILABLE', 'DEV_PROCESS_FAILED', text, { hint });
    }
    await sleep(50);
  }
}

/** True where something accepts connections on this loopback port. */
export function portAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** How often `pattern` stands in what the process has logged since it was started. */
export async function countInLog(process: ChildProcess, pattern: RegExp): Promise<number> {
  const file = await open(process.logFile);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.max(0, size - process.logStart));
    await file.read(buffer, 0, buffer.length, process.logStart);
    return [...buffer.toString('utf8').matchAll(pattern)].length;
  } finally {
    await file.close();
  }
}
