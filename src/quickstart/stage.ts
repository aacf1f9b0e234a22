import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '../core/errors.ts';
import { findFreeBase } from '../dev/ports.ts';
import type { StackFacts } from '../dev/stack.ts';
import { FEDCTL, type Write } from './shell.ts';

/** A temporary folder with a running `fedctl dev` in it. */
export interface Stage {
  readonly folder: string;
  readonly facts: StackFacts;
  /** Environment of one person: a FLWR_HOME of their own, with the stack as its default connection. */
  environmentOf(person: string): NodeJS.ProcessEnv;
  /** Resolves when the stack has ended. */
  readonly ended: Promise<unknown>;
  /** Ends the stack; `keep` leaves the folder. */
  clear(options: { keep: boolean }): Promise<void>;
}

/** Starts `fedctl dev` on free ports, in a new folder below the system's temporary one. */
export async function setStage(write: Write, interrupted: AbortSignal): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-quickstart-'));
  const base = await findFreeBase();
  const args = ['dev', '--state', join(folder, 'state'), '--ports', String(base), '--json'];
  write('\n$ fedctl dev\n');
  // It holds the other end of this pipe: should we be killed, it ends too.
  const child = spawn(process.execPath, [FEDCTL, ...args], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr.on('data', (data: Buffer) => write(data.toString('utf8')));
  const ended = once(child, 'exit');
  const end = (): void => void child.kill('SIGTERM');
  interrupted.addEventListener('abort', end);
  const clear = async ({ keep }: { keep: boolean }): Promise<void> => {
    if (isAlive(child)) child.kill('SIGTERM');
    await ended;
    interrupted.removeEventListener('abort', end);
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const facts = await readFacts(child);
    return { folder, facts, ended, clear, environmentOf: (person) => prepareHome(join(folder, person), facts) };
  } catch (error) {
    await clear({ keep: false });
    throw error;
  }
}

function prepareHome(home: string, facts: StackFacts): NodeJS.ProcessEnv {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const config = [
    '[superlink]',
    'default = "dev"',
    '',
    '[superlink.dev]',
    `address = "${facts.address}"`,
    `root-certificates = "${facts.ca}"`,
    '',
  ];
  writeFileSync(join(home, 'config.toml'), config.join('\n'), { mode: 0o600 });
  return { ...process.env, FLWR_HOME: home };
}

async function readFacts(child: ChildProcess): Promise<StackFacts> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const said = JSON.parse(line) as StackFacts & { error?: { message: string; hint: string | null } };
    if (!said.error) return said;
    const hint = said.error.hint ? { hint: said.error.hint } : {};
    throw new AppError('FAILED_PRECONDITION', 'QUICKSTART_STACK', said.error.message, hint);
  }
  throw new AppError('FAILED_PRECONDITION', 'QUICKSTART_STACK', 'fedctl dev ended before it was ready.');
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
