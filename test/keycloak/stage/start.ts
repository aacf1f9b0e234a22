import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareCertificates } from '../../../src/dev/ca.ts';
import { findFreeBase } from '../../../src/dev/ports.ts';
import { type DevStack, startDevStack } from '../../support/dev-stack.ts';
import { type Keycloak, startKeycloak } from '../../support/keycloak.ts';
import { findKeycloak } from '../../support/keycloak-dist.ts';
import { endStage, type Held, held } from './held.ts';
import { startPlane } from './plane.ts';
import { type Stage, savePid } from './shared.ts';

/** Keycloak, and before it a control plane with OpenFGA and a SuperLink of its own: for all files of the suite. */
export default async function startStage(): Promise<void> {
  // A stage that stands already, for the one who writes tests.
  if (process.env.FEDCTL_TEST_KEYCLOAK) return;
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const dist = await findKeycloak({ env: process.env, progress });
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-keycloak-'));
  const parts: Held[] = [];
  held.keycloakStage = { parts, folder };
  const state = join(folder, 'stack');
  // Before anything starts: one authority for all, so that Keycloak's back-channel calls trust us.
  const tls = await prepareCertificates({ folder: join(state, 'tls'), now: Date.now() });
  const portBase = await findFreeBase();
  const publicUrl = `https://127.0.0.1:${portBase + 1}`;
  const options = { dist, port: await freePort(), tls, publicUrl, folder };
  const starts = await Promise.allSettled([
    startDevStack({ state, portBase, controlPlane: false }),
    startKeycloak(options),
  ]);
  parts.push(...starts.flatMap((start): Held[] => (start.status === 'fulfilled' ? [start.value] : [])));
  try {
    const [stack, keycloak] = starts.map((start) => {
      if (start.status === 'rejected') throw start.reason;
      return start.value;
    }) as [DevStack, Keycloak];
    savePid(folder, keycloak.pid);
    const { issuer, origin } = keycloak;
    const stage: Stage = { folder, stack: stack.facts, keycloak: options, issuer, origin };
    parts.unshift(await startPlane(stage));
    process.env.FEDCTL_TEST_KEYCLOAK = JSON.stringify(stage);
  } catch (error) {
    // Jest calls no teardown after a setup that failed.
    await endStage();
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
