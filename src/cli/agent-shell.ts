import { basename } from 'node:path';
import { shellWord } from '../core/text.ts';

export const SHELLS = ['sh', 'csh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const SOCKET = 'FEDCTL_AGENT_SOCK';
const PID = 'FEDCTL_AGENT_PID';

interface Dialect {
  readonly set: (name: string, value: string) => string;
  readonly unset: (name: string) => string;
}

const DIALECTS: Readonly<Record<Shell, Dialect>> = {
  sh: {
    set: (name, value) => `${name}=${shellWord(value)}; export ${name};`,
    unset: (name) => `unset ${name};`,
  },
  csh: { set: (name, value) => `setenv ${name} ${shellWord(value)};`, unset: (name) => `unsetenv ${name};` },
  fish: { set: (name, value) => `set -gx ${name} ${shellWord(value)};`, unset: (name) => `set -e ${name};` },
};

/** What the person's shell speaks, by SHELL. */
export function shellOf({ SHELL = '' }: NodeJS.ProcessEnv): Shell {
  const name = basename(SHELL);
  if (name === 'fish') return 'fish';
  return name.endsWith('csh') ? 'csh' : 'sh';
}

/** Lines for `eval` after which the shell's commands find the agent. */
export function agentLines(shell: Shell, { socket, pid }: { socket: string; pid: number }): readonly string[] {
  const { set } = DIALECTS[shell];
  return [set(SOCKET, socket), set(PID, String(pid)), `echo Agent pid ${pid};`];
}

/** Lines for `eval` after which the shell has forgotten the agent. */
export function endedLines(shell: Shell, pid: number): readonly string[] {
  const { unset } = DIALECTS[shell];
  return [unset(SOCKET), unset(PID), `echo Agent pid ${pid} killed;`];
}
