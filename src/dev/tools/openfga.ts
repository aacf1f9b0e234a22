import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { waitForLock } from '../lock.ts';
import { keepTelling, type Progress } from '../progress.ts';
import { cacheFolder } from './cache.ts';
import { findOnPath, isExecutable, lastLine, runCommand } from './command.ts';
import { downloadChecked } from './download.ts';

export const OPENFGA_VERSION = '1.22.1';

/** Oldest server on PATH that is taken: it knows conditions, consistency preference and idempotent writes. */
const OLDEST_MINOR = 10;

export interface FindOpenFga {
  readonly progress: Progress;
  readonly env: NodeJS.ProcessEnv;
  /** Ends what runs for it. */
  readonly signal?: AbortSignal;
  /** Path of a binary, or https address of a folder that mirrors the release; default FEDCTL_OPENFGA. */
  readonly explicit?: string | undefined;
}

/**
 * The path of an `openfga` server binary: the explicit one, PATH, the per-user cache, the official release archive,
 * `go install`, in this order. What is fetched stays in the cache; starts at the same time share one fetch.
 * @throws FAILED_PRECONDITION TOOL_MISSING with the choices in its hint; TOOL_CHECKSUM_MISMATCH
 */
export async function findOpenFga(options: FindOpenFga): Promise<string> {
  const explicit = options.explicit ?? options.env.FEDCTL_OPENFGA;
  if (explicit && !isUrl(explicit)) return checkExplicit(explicit);
  const onPath = explicit ? undefined : await findUsableOnPath(options);
  if (onPath) return onPath;
  const folder = join(cacheFolder(options.env), 'openfga');
  const binary = join(folder, OPENFGA_VERSION, 'openfga');
  if (isExecutable(binary)) return binary;
  const lock = await waitForLock(join(folder, `${OPENFGA_VERSION}.lock`), () =>
    options.progress('Another fedctl is fetching OpenFGA; waiting for it'),
  );
  try {
    if (!isExecutable(binary)) await fetchInto(binary, folder, options, explicit);
    return binary;
  } finally {
    lock.release();
  }
}

/** Fetches into a folder beside the final one, then moves it in one step: a half-made binary is never seen. */
async function fetchInto(
  binary: string,
  folder: string,
  options: FindOpenFga,
  mirror: string | undefined,
): Promise<void> {
  const work = mkdtempSync(join(folder, 'fetch-'));
  try {
    const made = (await fetchRelease(work, options, mirror)) ?? (await installWithGo(work, options));
    if (!made) throw missing();
    chmodSync(made, 0o755);
    mkdirSync(join(folder, OPENFGA_VERSION), { recursive: true });
    renameSync(made, binary);
    options.progress(`OpenFGA ${OPENFGA_VERSION} is ready in ${binary}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchRelease(
  work: string,
  { progress, signal }: FindOpenFga,
  mirror: string | undefined,
): Promise<string | undefined> {
  const name = archiveName(process.platform, process.arch);
  const archive = join(work, 'openfga.tar.gz');
  const official = `https://github.com/openfga/openfga/releases/download/v${OPENFGA_VERSION}/`;
  const base = releaseFolder(mirror ?? official);
  const line = `Downloading OpenFGA ${OPENFGA_VERSION} from ${base.host}`;
  progress(line);
  try {
    await keepTelling(progress, line, downloadChecked({ base, name, file: archive, ...(signal ? { signal } : {}) }));
  } catch (error) {
    if ((error as { reason?: string }).reason !== 'TOOL_UNREACHABLE') throw error;
    progress((error as Error).message);
    return undefined;
  }
  const unpacked = await runCommand('tar', ['-xzf', archive, '-C', work, 'openfga']);
  return unpacked.ok && existsSync(join(work, 'openfga')) ? join(work, 'openfga') : undefined;
}

async function installWithGo(work: string, { progress, env, signal }: FindOpenFga): Promise<string | undefined> {
  const go = findOnPath('go', env);
  if (!go) return undefined;
  const line = `Building OpenFGA ${OPENFGA_VERSION} with go install, some minutes`;
  progress(line);
  const target = `github.com/openfga/openfga/cmd/openfga@v${OPENFGA_VERSION}`;
  const build = runCommand(go, ['install', '-ldflags', '-s -w', target], {
    env: { ...env, GOBIN: work },
    cwd: work,
    ...(signal ? { signal } : {}),
  });
  const result = await keepTelling(progress, line, build);
  signal?.throwIfAborted();
  if (!result.ok) progress(`go install failed: ${lastLine(result.output)}`);
  return result.ok ? join(work, 'openfga') : undefined;
}

async function findUsableOnPath({ env, progress }: FindOpenFga): Promise<string | undefined> {
  const found = findOnPath('openfga', env);
  if (!found) return undefined;
  const { output } = await runCommand(found, ['version'], { env });
  const [, major, minor] = /v?(\d+)\.(\d+)\.\d+/.exec(output) ?? [];
  // A binary that was built by hand calls itself "dev": its owner knows what it is.
  if (!major || (major === '1' && Number(minor) >= OLDEST_MINOR)) return found;
  progress(`${found} is ${major}.${minor}, older than 1.${OLDEST_MINOR}: not used`);
  return undefined;
}

/** Name of the release archive. @throws FAILED_PRECONDITION TOOL_MISSING on a platform without releases */
export function archiveName(platform: string, arch: string): string {
  const system = { linux: 'linux', darwin: 'darwin' }[platform];
  const machine = { x64: 'amd64', arm64: 'arm64' }[arch];
  if (!system || !machine) throw missing();
  return `openfga_${OPENFGA_VERSION}_${system}_${machine}.tar.gz`;
}

/** The folder that an address names, with a slash at its end. Plain http is taken on loopback only. */
export function releaseFolder(address: string): URL {
  const url = new URL(address.endsWith('/') ? address : `${address}/`);
  if (url.protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return url;
  throw new AppError('INVALID_ARGUMENT', 'TOOL_URL_INSECURE', 'A tool is downloaded over https only.', {
    hint: `Use https for ${url.host}.`,
  });
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

function checkExplicit(path: string): string {
  if (isExecutable(path)) return path;
  throw new AppError('FAILED_PRECONDITION', 'TOOL_MISSING', `There is no OpenFGA program at ${path}.`, {
    hint: 'FEDCTL_OPENFGA or --openfga names an executable file, or the https folder of a release.',
  });
}

function missing(): AppError {
  return new AppError('FAILED_PRECONDITION', 'TOOL_MISSING', 'OpenFGA was not found and could not be fetched.', {
    hint:
      `Put openfga ${OPENFGA_VERSION} on PATH, or name it with FEDCTL_OPENFGA (a file, or the https folder of a release mirror), ` +
      'or give access to github.com, or install Go.',
  });
}
