import { execFile } from 'node:child_process';

/** What one program took. */
export interface Timed {
  readonly wallMs: number;
  /** Processor time of it and its children, user and system. */
  readonly cpuMs: number;
  readonly stdout: string;
}

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** bash measures: it waits for the program itself, and knows its processor time. */
const SCRIPT = 'TIMEFORMAT="%3R %3U %3S"; time "$@" 2>/dev/null';

/** Runs a program to its end. @throws where it fails */
export function timeProgram({ name, command, args, cwd, env }: Program): Promise<Timed> {
  const locale = { LC_NUMERIC: 'C' };
  return new Promise((resolve, reject) => {
    execFile(
      'bash',
      ['-c', SCRIPT, 'bash', command, ...args],
      { cwd, env: { ...env, ...locale } },
      (error, stdout, stderr) => {
        const times = /(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)\s*$/.exec(stderr);
        if (error || times === null) return reject(new Error(`${name} failed: ${stdout}${stderr}`));
        const [wall = 0, user = 0, system = 0] = times.slice(1).map((seconds) => Number(seconds) * 1000);
        resolve({ wallMs: wall, cpuMs: user + system, stdout });
      },
    );
  });
}
