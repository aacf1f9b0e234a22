import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder of the Flower venv: FEDCTL_FLOWER, else the per-user cache. */
export const FLOWER_VENV =
  process.env.FEDCTL_FLOWER ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fedctl', 'flower', '1.32.1');

export interface ProgramResult {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program of the Flower venv with its own empty HOME under `scratch`; stdout and stderr together. */
export async function runFlower(
  program: string,
  args: readonly string[],
  { cwd, scratch }: { cwd: string; scratch: string },
): Promise<ProgramResult> {
  const home = join(scratch, 'flower-home');
  await mkdir(home, { recursive: true });
  const env = {
    PATH: `${join(FLOWER_VENV, 'bin')}:${process.env.PATH ?? ''}`,
    HOME: home,
    FLWR_HOME: join(home, '.flwr'),
    FLWR_TELEMETRY_ENABLED: '0',
    FLWR_DISABLE_UPDATE_CHECK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  return new Promise((resolve) => {
    execFile(join(FLOWER_VENV, 'bin', program), args, { cwd, env, timeout: 90_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode: code, output: stdout + stderr });
    });
  });
}
