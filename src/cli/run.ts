import { execute } from '@oclif/core/execute';

/** Runs the command that argv names. */
export async function run(): Promise<void> {
  await execute({ dir: import.meta.url });
}
