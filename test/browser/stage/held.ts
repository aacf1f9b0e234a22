import { rmSync } from 'node:fs';

interface Part {
  stop(): Promise<unknown>;
}

/** What the teardown ends, in this order: it runs in the process that ran the setup. */
export const held = globalThis as typeof globalThis & { browserStage?: { parts: Part[]; folder: string } };

export async function endStage(): Promise<void> {
  if (held.browserStage === undefined) return;
  const { parts, folder } = held.browserStage;
  for (const part of parts) await part.stop();
  if (!process.env.FEDCTL_TEST_KEEP) rmSync(folder, { recursive: true, force: true });
}
