import { constants, type FileHandle, open, opendir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';

/** A regular file below a run's folder, as it was when it was found. */
export interface FoundFile {
  /** Names from the run's folder down to the file; none of them is "..", a link or has a "/". */
  readonly path: readonly string[];
  /** Bytes. */
  readonly size: number;
  /** Epoch ms. */
  readonly modifiedAt: number;
}

export interface FolderLimits {
  /** Of all files together. */
  readonly maxBytes: number;
  /** Entries of any kind, in all folders. */
  readonly maxEntries: number;
  /** Folders inside each other. */
  readonly maxDepth: number;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
/** macOS, <sys/fcntl.h>: no component of the path may be a link. */
const O_NOFOLLOW_ANY = 0x20000000;

/**
 * How what is below an open folder is named, so that a folder that is swapped for a link in between leads nowhere else.
 * Node has no openat(2): Linux resolves `/proc/self/fd/N/name` from the very folder that is open; macOS refuses paths with links.
 */
interface Way {
  readonly flags: number;
  below(folder: OpenFolder): string;
}
const LINUX: Way = { flags: O_NOFOLLOW, below: ({ handle }) => `/proc/self/fd/${handle.fd}` };
const MACOS: Way = { flags: O_NOFOLLOW_ANY, below: ({ path }) => path };
const way = process.platform === 'linux' ? LINUX : MACOS;

interface OpenFolder {
  readonly handle: FileHandle;
  /** Without links, as it was when it was opened. */
  readonly path: string;
}

/** The folder of one run. It is the work of an app or of somebody's storage: nothing in it is believed. */
export interface RunFolder {
  /** Regular files with one name, sorted; undefined where there is no folder. @throws FAILED_PRECONDITION ARTIFACTS_TOO_LARGE | ARTIFACTS_UNREADABLE */
  survey(limits: FolderLimits): Promise<readonly FoundFile[] | undefined>;
  /** @throws where the file is no longer what `survey` has found */
  open(file: FoundFile): Promise<FileHandle>;
}

/** A run's files, and the folder to read them from. */
export interface RunFiles {
  readonly folder: RunFolder;
  /** At least one. */
  readonly files: readonly FoundFile[];
}

/** `name` is the run id in decimal. `dir` is the administrator's and may be a link. */
export function runFolder(dir: string, name: string): RunFolder {
  const root = async (): Promise<OpenFolder> => openFolder(join(await realpath(dir), name));
  return {
    async survey(limits) {
      const folder = await root().catch(nothing);
      if (folder === undefined) return undefined;
      const found: FoundFile[] = [];
      await surveyFolder(folder, [], { found, limits, entries: 0, bytes: 0 }).catch((error: unknown) => {
        throw unreadable(error);
      });
      return found;
    },

    async open({ path, size }) {
      let folder = await root();
      for (const name of path.slice(0, -1)) folder = await openNext(folder, name);
      const file = await closing(folder, () => openFile(folder, path.at(-1) ?? ''));
      if (file !== undefined && file.size >= size) return file.handle;
      await file?.handle.close();
      throw new Error('the file is no longer what it was');
    },
  };
}

interface Survey {
  readonly found: FoundFile[];
  readonly limits: FolderLimits;
  entries: number;
  bytes: number;
}

/** Closes `folder` in any case. */
async function surveyFolder(folder: OpenFolder, path: readonly string[], survey: Survey): Promise<void> {
  await closing(folder, async () => {
    for (const { name, isFolder } of await entriesOf(folder, survey)) {
      const here = [...path, name];
      if (isFolder) {
        if (here.length > survey.limits.maxDepth) throw tooLarge('folders inside each other');
        const inner = await openFolder(join(way.below(folder), name)).catch(nothing);
        if (inner) await surveyFolder(inner, here, survey);
        continue;
      }
      const file = await openFile(folder, name);
      await file?.handle.close();
      if (file) note({ path: here, size: file.size, modifiedAt: file.modifiedAt }, survey);
    }
  });
}

function note(file: FoundFile, survey: Survey): void {
  survey.bytes += file.size;
  if (survey.bytes > survey.limits.maxBytes) throw tooLarge('bytes');
  survey.found.push(file);
}

/** Folders and regular files by name; links, pipes, sockets and devices are not even opened. */
async function entriesOf(folder: OpenFolder, survey: Survey): Promise<readonly { name: string; isFolder: boolean }[]> {
  const entries: { name: string; isFolder: boolean }[] = [];
  for await (const entry of await opendir(way.below(folder))) {
    survey.entries += 1;
    if (survey.entries > survey.limits.maxEntries) throw tooLarge('files');
    if (entry.isFile() || entry.isDirectory()) entries.push({ name: entry.name, isFolder: entry.isDirectory() });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function openFolder(path: string): Promise<OpenFolder> {
  return { handle: await open(path, O_RDONLY | O_DIRECTORY | way.flags), path };
}

/** The folder `name` in `folder`, which is closed. */
function openNext(folder: OpenFolder, name: string): Promise<OpenFolder> {
  return closing(folder, () => openFolder(join(way.below(folder), name)));
}

/**
 * A regular file, open; undefined for anything else. Not waiting for the other end of a pipe. A file that has a second
 * name may be somebody else's, to which the app has made a link.
 */
async function openFile(folder: OpenFolder, name: string) {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | way.flags;
  const handle = await open(join(way.below(folder), name), flags).catch(nothing);
  const stat = await handle?.stat();
  if (handle && stat?.isFile() && stat.nlink <= 1) return { handle, size: stat.size, modifiedAt: stat.mtimeMs };
  await handle?.close();
  return undefined;
}

async function closing<T>({ handle }: OpenFolder, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await handle.close();
  }
}

/** Not there (any more), a link, no folder, or nobody at the other end. */
const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK', 'ENXIO'];

function nothing(error: NodeJS.ErrnoException): undefined {
  if (ABSENT.includes(error.code ?? '')) return undefined;
  throw unreadable(error);
}

function unreadable(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return error;
  return new AppError(
    'FAILED_PRECONDITION',
    'ARTIFACTS_UNREADABLE',
    'Some files of this run may not be read by the server.',
    { hint: 'Ask the administrator to let the server read what runs write into the artifacts folder.', cause: error },
  );
}

function tooLarge(what: string): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    'ARTIFACTS_TOO_LARGE',
    `This run has left too many ${what} to be pulled.`,
    {
      hint: 'Ask the administrator for the files, or for a larger max-size under [artifacts].',
    },
  );
}
