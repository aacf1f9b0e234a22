import { BIN } from './plane.ts';
import type { Series } from './stats.ts';
import { type Program, type Timed, timeProgram } from './timed.ts';
import type { User } from './users.ts';

const ROUNDS = Number(process.env.BENCH_CLI_ROUNDS ?? 15);

export const CLI_PROGRAMS = ['node -e 0', 'fedctl --version', 'flwr --version', 'fedctl ls', 'flwr ls'] as const;
type Name = (typeof CLI_PROGRAMS)[number];

/** Wall and processor time of each program, ms, round by round. */
export type CliFigures = Readonly<Record<Name, { readonly wallMs: Series; readonly cpuMs: Series }>>;

/** Runs every program once a round. Both `ls` must print `ids`, which are all that the user may see. */
export async function measureCli(user: User, ids: readonly bigint[]): Promise<CliFigures> {
  const taken: Record<Name, Timed[]> = Object.fromEntries(CLI_PROGRAMS.map((name) => [name, []])) as never;
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const program of programs(user)) {
      const timed = await timeProgram(program);
      if (program.name.endsWith(' ls')) checkLists(program.name, timed.stdout, ids);
      // The round before the first warms the disk and the compile cache.
      if (round >= 0) taken[program.name as Name].push(timed);
    }
  }
  const figures = CLI_PROGRAMS.map((name) => {
    const all = taken[name];
    return [name, { wallMs: all.map((one) => one.wallMs), cpuMs: all.map((one) => one.cpuMs) }];
  });
  return Object.fromEntries(figures) as CliFigures;
}

function programs({ home, env }: User): readonly Program[] {
  const node = (name: Name, ...args: string[]) => ({ name, command: process.execPath, args, cwd: home, env });
  const flwr = (name: Name, ...args: string[]) => ({ name, command: 'flwr', args, cwd: home, env });
  return [
    node('node -e 0', '-e', '0'),
    node('fedctl --version', BIN, '--version'),
    flwr('flwr --version', '--version'),
    node('fedctl ls', BIN, 'ls'),
    flwr('flwr ls', 'ls'),
  ];
}

function checkLists(name: string, stdout: string, ids: readonly bigint[]): void {
  const missing = ids.filter((id) => !stdout.includes(String(id)));
  if (missing.length > 0) throw new Error(`${name} does not show ${missing.length} of ${ids.length} runs:\n${stdout}`);
}
