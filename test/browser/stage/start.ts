import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeConfig, startControlPlane } from '../../support/control-plane.ts';
import { startDevStack } from '../../support/dev-stack.ts';
import { findChromium } from '../chromium.ts';
import { endStage, held } from './held.ts';
import type { Stage } from './shared.ts';

/** One stack for all files of the suite. */
export default async function startStage(): Promise<void> {
  findChromium(process.env);
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-browser-'));
  held.browserStage = { parts: [], folder };
  try {
    const stack = await startDevStack({ engine: 'none', controlPlane: false });
    held.browserStage.parts.unshift(stack);
    const logFile = join(folder, 'control-plane.log');
    const config = changeConfig(join(stack.facts.state, 'server.toml'), join(folder, 'server.toml'), {
      oidc: { page: 'always', name: 'Dev login' },
      limits: { 'logins-per-minute': 1000 },
    });
    held.browserStage.parts.unshift(await startControlPlane({ config, logFile }));
    const stage: Stage = { stack: stack.facts, folder, logFile };
    process.env.FEDCTL_TEST_BROWSER = JSON.stringify(stage);
  } catch (error) {
    // Jest calls no teardown after a setup that failed.
    await endStage();
    throw error;
  }
}
