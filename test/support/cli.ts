import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { Secret } from '../../src/core/secret.ts';
import { openCredentials } from '../../src/credentials/credential-file.ts';
import { caPin } from '../../src/credentials/records.ts';
import type { TokenPair } from '../../src/gen/fedctl/v1/sessions.ts';

/** The compiled CLI. */
export const BIN = process.env.FEDCTL_TEST_BIN ?? resolve(import.meta.dirname, '../../dist/bin.js');

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Of a process group of its own, with an open standard input: what src/dev/supervise.ts wants. */
  readonly leads?: boolean;
  /** What stands on its standard input. */
  readonly input?: string;
}

/** A running CLI whose output can be looked at while it comes. */
export interface RunningCli {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<CliResult>;
  /** Resolves once stdout or stderr holds `text`; rejects when the process ends without it. */
  until(text: string): Promise<void>;
}

/** Starts the compiled CLI as its own process. */
export function startCli(args: readonly string[], { cwd, env = {}, ...options }: CliOptions): RunningCli {
  const clean = { PATH: process.env.PATH, HOME: cwd, LANG: 'C.UTF-8', FEDCTL_TIMEOUT: '60', ...env };
  return startProgram(process.execPath, [BIN, ...args], { ...options, cwd, env: clean });
}

/** Starts any program; `env` is all of its environment. */
export function startProgram(
  program: string,
  args: readonly string[],
  { cwd, env, leads = false, input }: CliOptions & { env: NodeJS.ProcessEnv },
): RunningCli {
  const child = spawn(program, [...args], {
    cwd,
    env,
    detached: leads,
    stdio: [leads || input !== undefined ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  }) as ChildProcess & { stdout: Readable; stderr: Readable };
  if (input !== undefined) child.stdin?.end(input);
  let [stdout, stderr] = ['', ''];
  const watchers = new Set<() => void>();
  child.stdout.on('data', (data) => {
    stdout += data;
    for (const watch of watchers) watch();
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<CliResult>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
  return {
    child,
    out: () => stdout,
    err: () => stderr,
    ended,
    until: (text) =>
      new Promise((found, missed) => {
        const look = () => (stdout + stderr).includes(text) && found();
        watchers.add(look);
        look();
        void ended.then(() => missed(new Error(`ended without "${text}": ${stdout}${stderr}`)));
      }),
  };
}

/** Runs the compiled CLI to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startCli(args, options).ended;
}

/** A temporary app with one connection, "lab". */
export interface CliProject {
  readonly dir: string;
  readonly cli: (...args: string[]) => Promise<CliResult>;
  readonly start: (...args: string[]) => RunningCli;
  /** Rewrites pyproject.toml: lines of the connection's table. */
  readonly connect: (lines: readonly string[]) => Promise<void>;
  readonly remove: () => Promise<void>;
}

export const PYPROJECT = `[project]
name = "tiny"
version = "1.0.0"
description = ""
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "tester"

[tool.flwr.app.components]
serverapp = "tiny.server:app"
clientapp = "tiny.client:app"

[tool.flwr.app.config]
num-server-rounds = 3
`;

export async function makeProject(
  { address, ca }: { address: string; ca?: string },
  env: NodeJS.ProcessEnv = {},
): Promise<CliProject> {
  const dir = await mkdtemp(join(tmpdir(), 'fedctl-cli-'));
  const connect = (lines: readonly string[]) =>
    writeFile(join(dir, 'pyproject.toml'), `${PYPROJECT}\n[tool.flwr.federations.lab]\n${lines.join('\n')}\n`);
  const started: RunningCli[] = [];
  const start = (...args: string[]) => {
    const running = startCli(args, { cwd: dir, env });
    started.push(running);
    return running;
  };
  if (ca !== undefined) await writeFile(join(dir, 'ca.pem'), ca);
  await connect([`address = "${address}"`, ...(ca === undefined ? [] : ['root-certificates = "ca.pem"'])]);
  return {
    dir,
    cli: (...args) => start(...args).ended,
    start,
    connect,
    remove: async () => {
      // A test that failed may have left one waiting.
      for (const { child } of started) if (child.exitCode === null) child.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A login as the CLI would have stored it, without the time that logging in takes. */
export async function storeLogin(
  project: CliProject,
  { address, ca, tokens }: { address: string; ca: string; tokens: TokenPair },
): Promise<void> {
  const path = join(project.dir, '.flwr/.credentials/lab.json');
  const file = openCredentials({ path, origin: address, caPin: caPin(Buffer.from(ca)) });
  await file.write({
    accessToken: new Secret(tokens.accessToken),
    refreshToken: new Secret(tokens.refreshToken),
    expiresIn: Number(tokens.expiresIn),
    sessionId: tokens.sessionId,
    account: tokens.account,
  });
}
