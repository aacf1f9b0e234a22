import { Command } from '@oclif/core/command';
import { boolean, option } from '@oclif/core/flags';
import type { Input, ParserOutput } from '@oclif/core/interfaces';
import { systemClock } from '../core/clock.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { renderFailure } from './failure.ts';
import { wantsJson } from './run.ts';
import { leaveWhenWritten, processStdio, type Stdio } from './stdio.ts';

const formatFlag = option({ options: ['default', 'json'] as const });

/** What all commands share: output format, failures as sentences with a next step, exit codes, Ctrl-C. */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    format: formatFlag({ description: 'output format', default: 'default', helpGroup: 'GLOBAL' }),
    json: boolean({ description: 'same as --format json', helpGroup: 'GLOBAL', default: false }),
    verbose: boolean({ description: 'show what is behind an error', helpGroup: 'GLOBAL', default: false }),
  };

  protected readonly stdio: Stdio = processStdio();
  readonly #interrupted = new AbortController();
  readonly #closing: (() => void)[] = [];
  readonly #knownKeys: Context['knownKeys'] = new Map();

  /** The document of a command that was asked for JSON, or its lines of text. */
  protected print(document: object, lines: readonly string[]): void {
    if (this.json) this.stdio.out(`${JSON.stringify(document, null, 2)}\n`);
    else if (lines.length > 0) this.stdio.out(`${lines.join('\n')}\n`);
  }

  /** A note beside the result; on stderr, so that results stay clean. */
  protected note(line: string): void {
    this.stdio.err(`${line}\n`);
  }

  protected get json(): boolean {
    return wantsJson(this.argv);
  }

  /** The edges of the program, and where to register what must be closed at the end. */
  protected get context(): Context {
    return {
      stdio: this.stdio,
      json: this.json,
      clock: systemClock,
      env: process.env,
      cwd: process.cwd(),
      program: `fedctl ${this.config.version}`,
      knownKeys: this.#knownKeys,
      signal: this.#interrupted.signal,
      note: (line) => this.note(line),
      atEnd: (close) => void this.#closing.push(close),
    };
  }

  /** Standard input is for secrets and data: oclif would take it for the first argument that is missing. */
  protected override async parse<
    F extends Record<string, unknown>,
    B extends Record<string, unknown>,
    A extends Record<string, unknown>,
  >(options: Input<F, B, A> = this.ctor as unknown as Input<F, B, A>, argv?: string[]): Promise<ParserOutput<F, B, A>> {
    const { flags, baseFlags } = options;
    const args = Object.entries(options.args ?? {}).map(([name, arg]) => [name, { ...arg, ignoreStdin: true }]);
    return await super.parse({ ...options, flags, baseFlags, args: Object.fromEntries(args) } as typeof options, argv);
  }

  override async init(): Promise<void> {
    await super.init();
    process.once('SIGINT', () => {
      this.#interrupted.abort();
      if (this.stdio.errIsTty) this.stdio.err('\n');
      process.exit(EXIT.interrupted);
    });
  }

  override async catch(error: unknown): Promise<void> {
    if ((error as { code?: unknown }).code === 'EEXIT') throw error;
    const verbose = this.argv.includes('--verbose');
    const command = this.id?.replaceAll(':', ' ');
    const style = { json: this.json, verbose, command, tokenVariable: this.tokenVariable };
    process.exitCode = renderFailure(error, style, this.stdio);
  }

  /** The variable that brings the token of this command; those about stored logins know none. */
  private get tokenVariable(): string | undefined {
    if (/^(login|logout|auth|agent)(:|$)/.test(this.id ?? '')) return undefined;
    return ['FEDCTL_TOKEN', 'FEDCTL_TOKEN_FILE'].find((name) => process.env[name]);
  }

  override async finally(_error: Error | undefined): Promise<void> {
    for (const close of this.#closing) close();
    if (this.#closing.length > 0) leaveWhenWritten();
  }
}
