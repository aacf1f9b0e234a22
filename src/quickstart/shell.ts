import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';

/** Where the story is told. */
export type Write = (text: string) => void;

export interface Outcome {
  readonly code: number | null;
  /** Standard output and error, in the order in which they came. */
  readonly output: string;
}

export interface Command {
  /** Whose terminal it is, shown before the prompt. */
  readonly who: string;
  /** Arguments of fedctl. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the command. */
  readonly signal: AbortSignal;
  /** Called with all output so far, whenever some has come. */
  readonly watch?: (output: string) => void;
  /** The person's own terminal instead of pipes: for a command that talks with them. */
  readonly terminal?: boolean;
}

/** The compiled CLI beside this file. */
export const FEDCTL = fileURLToPath(new URL('../bin.js', import.meta.url));

/** Shows the prompt with the command, runs it, and passes on what it prints, as it comes. */
export function runFedctl(command: Command, write: Write): Promise<Outcome> {
  const { who, args, cwd, env, signal, watch, terminal } = command;
  write(`\n${styleText('bold', `${who}$ fedctl ${args.map(quote).join(' ')}`)}\n`);
  const child = spawn(process.execPath, [FEDCTL, ...args], {
    cwd,
    env,
    signal,
    stdio: terminal ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const pass = (data: Buffer): void => {
    output += data.toString('utf8');
    write(data.toString('utf8'));
    watch?.(output);
  };
  child.stdout?.on('data', pass);
  child.stderr?.on('data', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (output !== '' && !output.endsWith('\n')) write('\n');
      resolve({ code, output });
    });
  });
}

/** A line of explanation between the commands. */
export function explain(text: string, write: Write): void {
  write(`\n${styleText('cyan', `# ${text}`)}\n`);
}

/** An argument as it would be typed in a shell. */
export function quote(argument: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
