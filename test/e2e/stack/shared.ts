import type { StackFacts } from '../../../src/dev/stack.ts';

/** The stack that all end-to-end tests share (see `start.ts`): every file has its own people in it. */
export function sharedStack(): StackFacts {
  return JSON.parse(process.env.FEDCTL_TEST_STACK ?? '') as StackFacts;
}
