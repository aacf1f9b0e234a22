import { rmSync } from 'node:fs';
import { endKeycloak } from '../../support/keycloak.ts';
import { savedPid } from './shared.ts';

export interface Held {
  stop(): Promise<unknown>;
}

/** What the teardown stops, in this order: it runs in the process that ran the setup. */
export const held = globalThis as typeof globalThis & { keycloakStage?: { parts: Held[]; folder: string } };

/** Ends all that `start.ts` has started; FEDCTL_TEST_KEEP leaves the folder with logs and databases. */
export async function endStage(): Promise<void> {
  if (held.keycloakStage === undefined) return;
  const { parts, folder } = held.keycloakStage;
  for (const part of parts) await part.stop();
  const pid = savedPid(folder);
  if (pid !== undefined) endKeycloak(pid);
  if (!process.env.FEDCTL_TEST_KEEP) rmSync(folder, { recursive: true, force: true });
}
