import type { StackFacts } from '../../../src/dev/stack.ts';

/** What all files of the suite share (see `start.ts`): a stack whose control plane has the device page before every login. */
export interface Stage {
  readonly stack: StackFacts;
  readonly folder: string;
  /** What the control plane prints. */
  readonly logFile: string;
}

export function sharedStage(): Stage {
  return JSON.parse(process.env.FEDCTL_TEST_BROWSER ?? '') as Stage;
}

export function passwordOf({ stack }: Stage, name: string): string {
  return stack.accounts.find((account) => account.name === name)?.password ?? '';
}
