import type { Clock } from '../core/clock.ts';
import type { KnownKey } from '../credentials/keys.ts';
import type { Stdio } from './stdio.ts';

/** What a command runs in: the program's edges as values, so that tests can bring their own. */
export interface Context {
  readonly stdio: Stdio;
  /** The result is wanted as one JSON document. */
  readonly json: boolean;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** "fedctl 0.1.0" */
  readonly program: string;
  /** Keys of sealed logins that this process has learned: nobody is asked twice. */
  readonly knownKeys: Map<string, KnownKey>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Writes a line to stderr. */
  readonly note: (line: string) => void;
  /** Registers what has to be closed when the command has ended, however it ended. */
  readonly atEnd: (close: () => void) => void;
}
