import { string } from '@oclif/core/flags';
import { AppError } from '../core/errors.ts';
import { SHELLS } from './agent-shell.ts';
import { parseDuration } from './duration.ts';

export const shellFlag = {
  shell: string({ description: 'whose syntax to print (default: that of SHELL)', options: [...SHELLS] }),
};

export const lifetimeFlag = (description: string) => string({ description, helpValue: 'DURATION' });

/** Milliseconds of a length of time such as "8h". @throws INVALID_ARGUMENT USAGE */
export const lifetimeOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDuration(text) * 1000;

/** Where the agent of this shell listens. @throws FAILED_PRECONDITION AGENT_MISSING */
export function agentSocket({ FEDCTL_AGENT_SOCK: socket }: NodeJS.ProcessEnv): string {
  if (socket) return socket;
  throw new AppError('FAILED_PRECONDITION', 'AGENT_MISSING', 'There is no agent here: FEDCTL_AGENT_SOCK is not set.', {
    hint: 'Start one: eval $(fedctl agent)',
  });
}
