import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../core/log.ts';
import { storeUnavailable, toAppError } from './errors.ts';
import type { Statement, StatementResult } from './statements.ts';
import type { WriterAnswer, WriterRequest, WriterSettings } from './worker.ts';

/** The write connection, in its own thread. One statement at a time reaches it, in order. */
export interface Writer {
  /** @throws what {@link toAppError} makes of SQLite's errors */
  run(statement: Statement): Promise<StatementResult>;
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Answers come in the order of the requests; when the thread ends, whoever waits is told, and so is everybody later. */
function waitersOf(worker: Worker, log: Logger) {
  const waiters: Waiter[] = [];
  let ended: unknown;

  const end = (cause: unknown) => {
    ended ??= cause;
    for (const waiter of waiters.splice(0)) waiter.reject(storeUnavailable(ended));
  };
  worker.on('message', (answer: WriterAnswer) => {
    const waiter = waiters.shift();
    if ('result' in answer) waiter?.resolve(answer.result);
    else waiter?.reject(toAppError(answer.failure));
  });
  worker.on('error', (err) => {
    log.error({ err }, 'the writing thread of the store broke: the store stays unavailable until a restart');
    end(err);
  });
  worker.on('exit', (code) => end(new Error(`the writing thread ended with code ${code}`)));

  return function next(send: () => void): Promise<StatementResult> {
    if (ended !== undefined) return Promise.reject(storeUnavailable(ended));
    return new Promise((resolve, reject) => {
      // In this order: what cannot be sent throws here, and nobody waits for its answer.
      send();
      waiters.push({ resolve, reject });
    });
  };
}

/** Starts the thread and opens the database there, with WAL and full durability. */
export async function openWriter(settings: WriterSettings, log: Logger): Promise<Writer> {
  // From source under Node's type stripping as from dist: the worker lies beside this file, with the same extension.
  const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), { workerData: settings });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const next = waitersOf(worker, log);
  const ask = (request: WriterRequest) => next(() => worker.postMessage(request));
  try {
    await next(() => undefined);
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    run: ask,
    async close() {
      // A thread that has broken has closed its file already.
      await ask('close').catch(() => undefined);
      await exited;
    },
  };
}
