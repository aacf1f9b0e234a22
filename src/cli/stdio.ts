/** Where output goes; one of the program's four edges. */
export interface Stdio {
  /** Results. */
  out(text: string): void;
  /** Progress and explanations. */
  err(text: string): void;
  /** Resolves when stdout has taken what was written: a slow reader slows us down instead of filling our memory. */
  drained(): Promise<void>;
  /** stdout is a terminal. */
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Columns of the terminal, 80 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Colour may go to stdout: a terminal, and neither NO_COLOR nor TERM=dumb. */
  readonly colour: boolean;
  /** The locale says UTF-8. */
  readonly unicode: boolean;
}

/** This process's own streams. */
export function processStdio(env: NodeJS.ProcessEnv = process.env): Stdio {
  const { stdout, stderr } = process;
  const outIsTty = stdout.isTTY === true;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    drained: async () => {
      if (stdout.writableNeedDrain) await new Promise<void>((resolve) => stdout.once('drain', () => resolve()));
    },
    outIsTty,
    errIsTty: stderr.isTTY === true,
    columns: stdout.columns || stderr.columns || 80,
    rows: stdout.rows || stderr.rows || 24,
    colour: outIsTty && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: isUtf8(env),
  };
}

/** POSIX order of locale variables; macOS terminals speak UTF-8 without saying so. */
export function isUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) || (locale === '' && process.platform === 'darwin');
}

/**
 * Ends the process as soon as its output has been taken, even if a connection attempt that nobody waits for any more
 * is still pending (grpc-js lets a TLS handshake run on after its channel is closed).
 */
export function leaveWhenWritten(): void {
  const { stdout, stderr } = process;
  const timer = setInterval(() => {
    if (stdout.writableLength === 0 && stderr.writableLength === 0) process.exit();
  }, 50);
  timer.unref();
}
