import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { portAnswers } from '../src/dev/readiness.ts';
import { type Child, startChild } from './children.ts';

export interface SuperLink extends Child {
  /** `host:port` of the Control API. */
  readonly address: string;
}

/**
 * A real SuperLink without nodes, which starts no ServerApps (`--isolation process`: somebody else would): its runs
 * stay pending, so that nothing but the submits is measured.
 */
export async function startSuperLink(options: { folder: string; flowerBin: string; port: number }): Promise<SuperLink> {
  const { folder, flowerBin, port } = options;
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, 'superlink.log'), 'a');
  const at = (offset: number) => `127.0.0.1:${port + offset}`;
  const child = startChild(
    join(flowerBin, 'flower-superlink'),
    [
      ...['--insecure', '--isolation', 'process', '--database', join(folder, 'state.db')],
      ...['--control-api-address', at(0), '--fleet-api-address', at(1), '--serverappio-api-address', at(2)],
    ],
    {
      cwd: folder,
      stdio: ['ignore', log, log],
      env: {
        PATH: `${flowerBin}:/usr/bin:/bin`,
        HOME: folder,
        FLWR_HOME: join(folder, '.flwr'),
        FLWR_TELEMETRY_ENABLED: '0',
        FLWR_DISABLE_UPDATE_CHECK: '1',
      },
    },
  );
  for (const end = performance.now() + 60_000; !(await portAnswers(port)); await delay(50)) {
    if (child.process.exitCode !== null || performance.now() > end)
      throw new Error(`SuperLink: ${folder}/superlink.log`);
  }
  return { ...child, address: at(0) };
}
