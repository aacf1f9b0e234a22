import type { Clock } from '../core/clock.ts';
import { watchForEnd } from './ending.ts';
import { timedProgress } from './progress.ts';
import { DEV_FEDERATION } from './seeds.ts';
import { type StackOptions, startStack } from './stack.ts';
import { defaultStateFolder } from './state.ts';
import { welcomeText } from './welcome.ts';

export interface DevInput extends Pick<StackOptions, 'portBase' | 'engine' | 'controlPlane' | 'tools'> {
  readonly process: NodeJS.Process;
  readonly clock: Clock;
  /** The facts as one line of JSON instead of text for people. */
  readonly json: boolean;
  /** Results. */
  readonly out: (text: string) => void;
  /** Progress. */
  readonly err: (text: string) => void;
  /** Absolute; undefined for the default one. */
  readonly state: string | undefined;
}

/** Starts the stack, tells when it is ready, and ends it when there is a reason to. @throws when a part can't start, or ends by itself */
export async function runDev(input: DevInput): Promise<void> {
  const { process, clock } = input;
  const ending = watchForEnd(process);
  // Who wanted the facts only may close the pipe: the stack goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const progress = timedProgress({ write: input.err, monotonic: clock.monotonic });
  try {
    const stack = await startStack({
      ...input,
      folder: input.state ?? defaultStateFolder(process.env),
      env: process.env,
      now: clock.now,
      progress,
      signal: ending.signal,
    });
    progress('Ready');
    const lines = input.json ? [JSON.stringify(stack.facts)] : welcomeText(stack.facts, DEV_FEDERATION);
    input.out(`${lines.join('\n')}\n`);
    const end = await Promise.race([ending.reason, stack.broken]);
    progress('Ending');
    await stack.stop();
    if (typeof end !== 'string') throw end;
    progress('Nothing is left running');
  } catch (error) {
    // Ended while it was starting: that is no failure.
    if (!ending.signal.aborted) throw error;
  } finally {
    ending.close();
  }
}
