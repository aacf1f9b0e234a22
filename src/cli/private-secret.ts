import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

const OTHERS = 0o077;
const WRITERS = 0o022;
const MAX_BYTES = 64 * 1024;

/**
 * The one line of a file that is ours alone, or that root has put there. `named`: what names the file, for sentences: "FEDCTL_TOKEN_FILE".
 * @throws FAILED_PRECONDITION SECRET_UNREADABLE, SECRET_FILE_UNSAFE
 */
export function readPrivateSecret(path: string, named: string): Secret {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(named, path, "can't be read", error);
  }
  try {
    checkPrivate(fd, path, named);
    const text = readFileSync(fd, 'utf8').replace(/\r?\n$/, '');
    if (text !== '' && !/[\r\n\0]/.test(text)) return new Secret(text);
    throw unreadable(named, path, 'holds no secret, which is one line');
  } finally {
    closeSync(fd);
  }
}

function checkPrivate(fd: number, path: string, named: string): void {
  const { mode, uid, size } = fstatSync(fd);
  if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > MAX_BYTES) {
    throw unreadable(named, path, 'is no file that holds a secret');
  }
  const isOurs = uid === (process.getuid?.() ?? uid);
  if (isOurs && (mode & OTHERS) === 0) return;
  // An administrator put it there, as Kubernetes mounts secrets (0644, 0440), and decides who reads it. To a fedctl that
  // runs as root its own files are such files.
  if (uid === 0 && (mode & WRITERS) === 0) return;
  throw unsafe({ path, named, uid, isOurs });
}

function unsafe({ path, named, uid, isOurs }: { path: string; named: string; uid: number; isOurs: boolean }): AppError {
  const foreign = uid === 0 ? 'can be written by others than root' : 'belongs to another user';
  const text = `${path}, which ${named} names, ${isOurs ? 'is open to others' : foreign}.`;
  return new AppError('FAILED_PRECONDITION', 'SECRET_FILE_UNSAFE', text, {
    hint: isOurs || uid === 0 ? `Run: chmod 600 ${path}` : 'Use a file of your own with mode 0600, or one of root.',
  });
}

function unreadable(named: string, path: string, what: string, cause?: unknown): AppError {
  const text = `${path}, which ${named} names, ${what}.`;
  return new AppError('FAILED_PRECONDITION', 'SECRET_UNREADABLE', text, { cause });
}
