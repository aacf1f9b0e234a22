import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A child of the benchmark, in a process group of its own. */
export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** SIGTERM to the group, SIGKILL after 5 s; resolves when its leader is gone. */
  stop(): Promise<void>;
}

const alive = new Set<number>();

/** However the benchmark ends, nothing is left running. */
export function endChildrenAtExit(): void {
  process.on('exit', () => {
    for (const pid of alive) signalGroup(pid, 'SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
}

export function startChild(command: string, args: readonly string[], options: SpawnOptions): Child {
  const child = spawn(command, args, { stdio: 'ignore', ...options, detached: true });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} can't be started`);
  alive.add(pid);
  const exited = once(child, 'exit').then(() => {
    signalGroup(pid, 'SIGKILL');
    alive.delete(pid);
  });
  return {
    process: child,
    pid,
    async stop() {
      signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
