import type { Context } from '../../src/cli/context.ts';

export interface RecordedContext extends Context {
  readonly written: { out: string; err: string };
  /** Aborts as Ctrl-C does. */
  interrupt(): void;
  /** Closes what the command has registered. */
  end(): void;
}

/** What a command runs in, without a process: no terminal, no browser, and nothing of this machine's environment. */
export function cliContext({
  cwd,
  env = {},
  json = false,
  stdio = {},
  clock = { now: () => Date.now(), monotonic: () => performance.now() },
}: {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  json?: boolean;
  stdio?: Partial<Context['stdio']>;
  clock?: Context['clock'];
}): RecordedContext {
  const written = { out: '', err: '' };
  const closing: (() => void)[] = [];
  const interrupted = new AbortController();
  return {
    written,
    stdio: {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      drained: async () => {},
      outIsTty: false,
      errIsTty: false,
      columns: 80,
      rows: 24,
      colour: false,
      unicode: true,
      ...stdio,
    },
    json,
    clock,
    env: { HOME: cwd, PATH: process.env.PATH, CI: 'true', ...env },
    cwd,
    program: 'fedctl 0.1.0',
    knownKeys: new Map(),
    signal: interrupted.signal,
    note: (line) => {
      written.err += `${line}\n`;
    },
    atEnd: (close) => void closing.push(close),
    interrupt: () => interrupted.abort(),
    end: () => {
      for (const close of closing.splice(0)) close();
    },
  };
}
