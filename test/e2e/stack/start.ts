import { type DevStack, startDevStack } from '../../support/dev-stack.ts';

/** Where the stack waits for `end.ts`: both run in the process that holds the tests' workers. */
export const held = globalThis as typeof globalThis & { fedctlStack?: DevStack };

/** One whole stack for all files that break nothing; `shared.ts` tells them where it is. */
export default async function startSharedStack(): Promise<void> {
  held.fedctlStack = await startDevStack();
  process.env.FEDCTL_TEST_STACK = JSON.stringify(held.fedctlStack.facts);
}
