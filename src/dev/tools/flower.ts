import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { waitForLock } from '../lock.ts';
import { keepTelling, type Progress } from '../progress.ts';
import { cacheFolder } from './cache.ts';
import { findOnPath, isExecutable, lastLine, runCommand } from './command.ts';

export const FLOWER_VERSION = '1.32.1';

export interface FindFlower {
  /** Release of flwr, for example "1.32.1". */
  readonly version: string;
  readonly progress: Progress;
  readonly env: NodeJS.ProcessEnv;
  /** Ends what runs for it. */
  readonly signal?: AbortSignal;
  /** Folder of a Python environment with flwr in it; default FEDCTL_FLOWER. */
  readonly explicit?: string | undefined;
}

/** Where Flower's programs are. */
export interface Flower {
  /** Folder with `flower-superlink`, `flower-supernode` and `flwr`. */
  readonly bin: string;
  readonly version: string;
}

/** What every release has, and we start. */
const PROGRAMS = ['flower-superlink', 'flower-supernode', 'flwr'];
/** What a release needs beside itself: those up to 1.19 pin a typer that breaks with later releases of click. */
function packagesOf(version: string): readonly string[] {
  const isOld = /^1\.1?\d\./.test(version);
  return [`flwr==${version}`, ...(isOld ? ['click<8.2'] : [])];
}

const OLDEST_PYTHON = 11;
const PYTHONS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/**
 * Flower's programs of exactly `version`: the explicit environment, PATH, the per-user cache, or a new environment there
 * (`python -m venv`, `pip install`). Starts at the same time share one installation; a half-made one is made again.
 * @throws FAILED_PRECONDITION TOOL_MISSING with the choices in its hint
 */
export async function findFlower(options: FindFlower): Promise<Flower> {
  const { version, env } = options;
  const explicit = options.explicit ?? env.FEDCTL_FLOWER;
  if (explicit) return checkExplicit(explicit, version);
  const onPath = findOnPath('flower-superlink', env);
  if (onPath && (await isComplete(dirname(onPath), version))) return { bin: dirname(onPath), version };
  const folder = join(cacheFolder(env), 'flower', version);
  if (existsSync(markerOf(folder))) return { bin: join(folder, 'bin'), version };
  const lock = await waitForLock(`${folder}.lock`, () =>
    options.progress(`Another fedctl is installing Flower ${version}; waiting for it`),
  );
  try {
    if (!existsSync(markerOf(folder))) await install(folder, options);
    return { bin: join(folder, 'bin'), version };
  } finally {
    lock.release();
  }
}

/** A Python environment can't be moved, so it is made where it stays; the marker is written when it is whole. */
async function install(folder: string, options: FindFlower): Promise<void> {
  if (!(await isComplete(join(folder, 'bin'), options.version))) {
    const python = await findPython(options.env);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    const line = `Installing Flower ${options.version} into ${folder}; this takes a minute`;
    options.progress(line);
    await keepTelling(options.progress, line, makeEnvironment(folder, python, options));
  }
  writeFileSync(markerOf(folder), '');
}

async function makeEnvironment(folder: string, python: string, { version, env, signal }: FindFlower): Promise<void> {
  const run = { env, ...(signal ? { signal } : {}) };
  const made = await runCommand(python, ['-m', 'venv', folder], run);
  signal?.throwIfAborted();
  if (!made.ok) throw failed(version, `python -m venv failed: ${lastLine(made.output)}`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', ...packagesOf(version)];
  const installed = await runCommand(join(folder, 'bin', 'python'), pip, run);
  signal?.throwIfAborted();
  if (!installed.ok) throw failed(version, `pip install failed: ${lastLine(installed.output)}`);
  if (await isComplete(join(folder, 'bin'), version)) return;
  throw failed(version, 'the installed programs do not answer');
}

/** True where all programs stand in `bin` and flwr says that it is `version`; older SuperLinks don't say. */
async function isComplete(bin: string, version: string): Promise<boolean> {
  if (!PROGRAMS.every((program) => isExecutable(join(bin, program)))) return false;
  const { ok, output } = await runCommand(join(bin, 'flwr'), ['--version'], {
    env: { ...process.env, FLWR_TELEMETRY_ENABLED: '0', FLWR_DISABLE_UPDATE_CHECK: '1' },
  });
  return ok && output.trim().split(/\s+/).includes(version);
}

async function findPython(env: NodeJS.ProcessEnv): Promise<string> {
  for (const name of PYTHONS) {
    const found = findOnPath(name, env);
    const [, minor] = found
      ? (/^Python 3\.(\d+)/.exec((await runCommand(found, ['--version'], { env })).output) ?? [])
      : [];
    if (found && Number(minor) >= OLDEST_PYTHON) return found;
  }
  throw new AppError('FAILED_PRECONDITION', 'TOOL_MISSING', 'Flower needs Python 3.11 or newer, and none is on PATH.', {
    hint: 'Install Python, or name an environment with flwr in it with FEDCTL_FLOWER, or start without an engine: fedctl dev --engine none',
  });
}

function checkExplicit(folder: string, version: string): Flower {
  const bin = join(folder, 'bin');
  const found = installedRelease(folder);
  if ((found ?? version) === version && PROGRAMS.every((program) => isExecutable(join(bin, program)))) {
    return { bin, version };
  }
  throw new AppError(
    'FAILED_PRECONDITION',
    'TOOL_MISSING',
    `There is no Flower ${version} in ${folder}${found ? `, but ${found}` : ''}.`,
    {
      hint: 'FEDCTL_FLOWER or --flower names the folder of a Python environment where flwr is installed.',
    },
  );
}

/** The release that a Python environment holds, as its package folder says it. */
function installedRelease(folder: string): string | undefined {
  const lib = join(folder, 'lib');
  const packages = entries(lib).flatMap((python) => entries(join(lib, python, 'site-packages')));
  return packages.map((name) => /^flwr-([\d.]+)\.dist-info$/.exec(name)?.[1]).find((version) => version !== undefined);
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function markerOf(folder: string): string {
  return join(folder, 'fedctl-complete');
}

function failed(version: string, why: string): AppError {
  return new AppError('FAILED_PRECONDITION', 'TOOL_MISSING', `Flower ${version} could not be installed: ${why}.`, {
    hint: 'Give pip access to a package index, or name an environment with flwr in it with FEDCTL_FLOWER, or start without an engine: fedctl dev --engine none',
  });
}
