import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const OTHERS_WRITE = 0o022;
const OTHERS_ANY = 0o077;
const MAX_FILE_BYTES = 64 * 1024;

/** A folder held open, so that nobody can swap it for a symlink between a check and a use (security.md T-18). */
export interface PrivateDir {
  /** For people; never opened again. */
  readonly path: string;
  /** Where the entry `name` of this very folder is reached. */
  at(name: string): string;
  /** Makes renames in it durable. */
  sync(): void;
  [Symbol.dispose](): void;
}

export interface OpenDirOptions {
  /** Make it (0700) where it is missing, and take access from others where it is ours but too open. */
  readonly create: boolean;
  /** Mode of a folder that was found too open; only with `create`. */
  readonly tightenTo?: number;
}

export function unsafe(path: string, what: string, hint: string): AppError {
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_UNSAFE', `${path} ${what}.`, { hint });
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/**
 * Opens a folder that must be ours, no symlink, and writable by nobody else (security.md CF-02, design's relaxation).
 * @param parent where it stands; without, `path` is opened by name and missing folders above it are made
 * @returns undefined where it is missing and `create` is false
 * @throws FAILED_PRECONDITION CREDENTIALS_UNSAFE; the file system's own errors
 */
export function openPrivateDir(
  path: string,
  options: OpenDirOptions,
  parent?: { readonly dir: PrivateDir; readonly name: string },
): PrivateDir | undefined {
  const place = parent ? parent.dir.at(parent.name) : path;
  if (options.create) makeDir(place, parent === undefined);
  let fd: number;
  try {
    fd = openSync(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (!['ELOOP', 'ENOTDIR'].includes(errorCode(error))) throw error;
    throw unsafe(path, 'is a symbolic link or no folder', 'Replace it by a folder of your own.');
  }
  try {
    checkDir(path, fd, options);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return heldDir(path, fd);
}

function makeDir(place: string, withParents: boolean): void {
  try {
    if (withParents) mkdirSync(dirname(place), { recursive: true });
    mkdirSync(place, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

function checkDir(path: string, fd: number, { create, tightenTo }: OpenDirOptions): void {
  const stat = fstatSync(fd);
  checkOwner(path, stat);
  const mode = stat.mode & 0o777;
  if (create && tightenTo !== undefined && (mode & ~tightenTo) !== 0) {
    fchmodSync(fd, mode & tightenTo);
  } else if ((mode & OTHERS_WRITE) !== 0) {
    throw unsafe(path, 'can be written by others', `Run: chmod go-w ${path}`);
  }
}

function checkOwner(path: string, stat: Stats): void {
  const uid = process.getuid?.();
  if (uid === undefined || stat.uid === uid) return;
  throw unsafe(path, 'belongs to another user', 'Use a folder of your own, or change its owner.');
}

function heldDir(path: string, fd: number): PrivateDir {
  // Linux resolves this to the open folder itself, whatever its name points to by now.
  const self = `/proc/self/fd/${fd}`;
  const base = process.platform === 'linux' && existsSync(self) ? self : path;
  let closed = false;
  // The number of a closed folder may stand for another one by now.
  const whileOpen = <T>(value: T): T => {
    if (closed) throw new TypeError(`${path} is used after it was closed`);
    return value;
  };
  return {
    path,
    at: (name) => whileOpen(join(base, name)),
    sync: () => syncDir(whileOpen(fd)),
    [Symbol.dispose]: () => {
      if (!closed) closeSync(fd);
      closed = true;
    },
  };
}

function syncDir(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems can't sync folders.
    if (!['EINVAL', 'ENOTSUP'].includes(errorCode(error))) throw error;
  }
}

/**
 * The text of a file that must be ours, private, no link of any kind.
 * @param open true where others may read it (it holds no secret)
 * @returns undefined where it is missing
 * @throws FAILED_PRECONDITION CREDENTIALS_UNSAFE, CREDENTIALS_CORRUPT (over 64 KiB)
 */
export function readPrivateFile(dir: PrivateDir, name: string, { open = false } = {}): string | undefined {
  const path = join(dir.path, name);
  let fd: number;
  try {
    fd = openSync(dir.at(name), O_RDONLY | O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) !== 'ELOOP') throw error;
    throw unsafe(path, 'is a symbolic link', `Remove it: rm ${path}`);
  }
  try {
    checkFile(path, fstatSync(fd), open ? OTHERS_WRITE : OTHERS_ANY);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function checkFile(path: string, stat: Stats, forbidden: number): void {
  if (!stat.isFile()) throw unsafe(path, 'is no file', `Remove it: rm -r ${path}`);
  checkOwner(path, stat);
  if ((stat.mode & forbidden) !== 0) throw unsafe(path, 'is open to others', `Run: chmod 600 ${path}`);
  if (stat.nlink > 1) throw unsafe(path, 'has a second name (hard link)', `Remove it: rm ${path}`);
  if (stat.size > MAX_FILE_BYTES) {
    throw new AppError('FAILED_PRECONDITION', 'CREDENTIALS_CORRUPT', `${path} is too large to be ours.`);
  }
}
