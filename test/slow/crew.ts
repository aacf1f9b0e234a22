import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { BIN } from '../support/cli.ts';

/** One use of a stored login. */
export interface RoundTask {
  /** Of the credential file. */
  readonly path: string;
  readonly address: string;
  /** Path of the root certificates. */
  readonly ca: string;
  /** Socket of the agent. */
  readonly agent?: string;
}

export interface RoundResult {
  /** Whom the server named, or how it failed. */
  readonly account: string;
  readonly warnings: readonly string[];
}

/** Processes that wait to do something all at the same time, as often as they are told. */
export interface Crew {
  readonly size: number;
  /** All of them at once, once. */
  round(taskOf: (index: number) => RoundTask): Promise<readonly RoundResult[]>;
  close(): Promise<void>;
}

export async function hireCrew(size: number): Promise<Crew> {
  const worker = join(import.meta.dirname, 'worker.ts');
  const children = Array.from({ length: size }, () =>
    fork(worker, [BIN], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  await Promise.all(children.map((child) => messageOf(child)));
  return {
    size,
    round: (taskOf) =>
      Promise.all(
        children.map((child, index) => {
          const answer = messageOf(child) as Promise<RoundResult>;
          child.send(taskOf(index));
          return answer;
        }),
      ),
    close: async () => {
      await Promise.all(children.map(endOf));
    },
  };
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`A process of the crew ended with ${code}.`));
    child.once('exit', gone).once('message', (message) => {
      child.off('exit', gone);
      resolve(message);
    });
  });
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
