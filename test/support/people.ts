import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { approveLogin } from '../../src/dev/approve.ts';
import type { StackFacts } from '../../src/dev/stack.ts';
import { type CliResult, type RunningCli, startCli } from './cli.ts';
import { type FlwrUser, openFlwr } from './flwr.ts';

/** An app that prints `ticks` lines, `pause` seconds apart, and trains nothing. */
export const TICKER = resolve(import.meta.dirname, 'apps/ticker');

export type AccountName = 'alice' | 'bob' | 'carol' | 'admin';

/** The stack as `config.toml` names it, for everybody. */
export const CONNECTION = 'lab';

/** Somebody with an account at the dev identity provider and a home folder of their own. */
export interface Person {
  readonly name: AccountName;
  /** FLWR_HOME, with the stack as its default connection; also the working directory unless told otherwise. */
  readonly home: string;
  fedctl(...args: string[]): Promise<CliResult>;
  /** As `fedctl`, with `--format json`: the document. @throws unless it exits with `code` (0) */
  json<T = Record<string, unknown>>(args: readonly string[], code?: number): Promise<T>;
  start(...args: string[]): RunningCli;
  /** The same person in another folder. */
  at(cwd: string): Person;
  /** `fedctl login`, approved over the pages of the identity provider. */
  login(...args: string[]): Promise<CliResult>;
  /** Approves a login at the pages of the identity provider; `url` as the server named it, with the code in it. */
  approve(url: string): Promise<void>;
  /** What `fedctl login` has stored. */
  tokens(): { readonly access: string; readonly refresh: string };
  /** Submits TICKER and returns the run id. */
  tick(options: { ticks: number; pause: number }): Promise<string>;
  /** The unmodified flwr, with the same FLWR_HOME. */
  readonly flwr: FlwrUser;
}

export interface People {
  person(name: AccountName): Person;
  /** All that their programs have printed. */
  said(): string;
  /** Deletes their homes. */
  leave(): void;
}

/** Does in a browser what `name` does at the address that `login` printed. */
export type Approve = (name: AccountName, url: string) => Promise<void>;

/** People before a running stack. `env` is added to the environment of all their programs. */
export function invitePeople(
  facts: StackFacts,
  env: NodeJS.ProcessEnv = {},
  approve: Approve = (name, url) => approveAs(facts, name, url),
): People {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-people-'));
  const said: RunningCli[] = [];
  const known = new Map<AccountName, Person>();
  return {
    person(name) {
      const person =
        known.get(name) ??
        makePerson({ name, facts, home: join(folder, name), env, said, approve: (url) => approve(name, url) });
      known.set(name, person);
      return person;
    },
    said: () => said.map((program) => program.out() + program.err()).join('\n'),
    leave: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

interface PersonOptions {
  readonly name: AccountName;
  readonly facts: StackFacts;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly said: RunningCli[];
  readonly cwd?: string;
  readonly approve: (url: string) => Promise<void>;
}

function makePerson(options: PersonOptions): Person {
  const { name, facts, home, env, said, approve, cwd = home } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const connection = [`address = "${facts.address}"`, `root-certificates = "${facts.ca}"`];
  const config = ['[superlink]', `default = "${CONNECTION}"`, `[superlink.${CONNECTION}]`, ...connection, ''];
  writeFileSync(join(home, 'config.toml'), config.join('\n'), { mode: 0o600 });
  const start = (...args: string[]): RunningCli => {
    const program = startCli(args, { cwd, env: { FLWR_HOME: home, FEDCTL_TIMEOUT: '20', ...env } });
    said.push(program);
    return program;
  };
  const person: Person = {
    name,
    home,
    start,
    approve,
    fedctl: (...args) => start(...args).ended,
    async json(args, code = 0) {
      const result = await start(...args, '--format', 'json').ended;
      if (result.code === code) return JSON.parse(result.stdout);
      throw new Error(`${name}$ fedctl ${args.join(' ')} ended with ${result.code}: ${result.stdout}${result.stderr}`);
    },
    at: (folder) => makePerson({ ...options, cwd: folder }),
    async login(...args) {
      const program = start('login', '--no-launch-browser', ...args);
      await program.until('fedctl-login: url=');
      await approve(/^fedctl-login: url=(\S+)/m.exec(program.err())?.[1] ?? '');
      return program.ended;
    },
    tokens: () => storedTokens(join(home, '.credentials', `${CONNECTION}.json`)),
    async tick({ ticks, pause }) {
      const config = `ticks=${ticks} pause=${pause.toFixed(2)}`;
      return String((await person.json(['run', TICKER, CONNECTION, '-c', config]))['run-id']);
    },
    flwr: openFlwr({ home, address: facts.address, approve, said }),
  };
  return person;
}

/** The pair in a credential file of fedctl. */
export function storedTokens(file: string): { access: string; refresh: string } {
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  return { access: stored['flwr-oidc-access-token'], refresh: stored['flwr-oidc-refresh-token'] };
}

function approveAs(facts: StackFacts, name: AccountName, url: string): Promise<void> {
  const account = facts.accounts.find((one) => one.name === name);
  if (account === undefined) throw new Error(`The stack has no account ${name}.`);
  return approveLogin({ url, account, ca: readFileSync(facts.ca, 'utf8') });
}

/** Numbers of the ticks in a log, in the order in which they stand there. */
export function ticksIn(log: string): number[] {
  return [...log.matchAll(/tick (\d+) of \d+/g)].map(([, number]) => Number(number));
}

/** 1 to `count`: what the log of a whole run of TICKER shows, without gap and repetition. */
export function allTicks(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
