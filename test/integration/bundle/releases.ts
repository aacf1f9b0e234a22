import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findFlower } from '../../../src/dev/tools/flower.ts';

/** At least one release of each family; FEDCTL_BUNDLE_RELEASES names others, parted by spaces. */
export const RELEASES = (process.env.FEDCTL_BUNDLE_RELEASES ?? '1.22.0 1.25.0 1.27.0 1.32.1 1.41.0').split(' ');

export interface FlwrCall {
  /** Working folder. */
  readonly cwd: string;
  readonly args: readonly string[];
}

export interface FlwrOutcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs commands of an unmodified flwr one after the other, in one process with its own empty home. */
export async function runFlwr(release: string, calls: readonly FlwrCall[], home: string): Promise<FlwrOutcome[]> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  // The release that FEDCTL_FLOWER names need not be this one.
  const { FEDCTL_FLOWER: _, ...rest } = process.env;
  const { bin } = await findFlower({ version: release, progress, env: rest });
  await mkdir(home, { recursive: true });
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    HOME: home,
    FLWR_HOME: join(home, '.flwr'),
    LANG: 'C.UTF-8',
    FLWR_TELEMETRY_ENABLED: '0',
    FLWR_DISABLE_UPDATE_CHECK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'flwr_runs.py');
    const child = execFile(join(bin, 'python'), [script], { cwd: home, env, timeout: 120_000 }, (error, out, err) => {
      if (error) reject(new Error(`${error.message}\n${out}${err}`));
      else resolve(JSON.parse(out.trim().split('\n').at(-1) ?? '') as FlwrOutcome[]);
    });
    child.stdin?.end(JSON.stringify(calls.map(({ cwd, args }) => [cwd, args])));
  });
}
