import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

const OTHERS = 0o077;
const MAX_BYTES = 64 * 1024;

/**
 * The one line of a file that nobody else can read. `named`: what names the file, for sentences: "FEDCTL_TOKEN_FILE".
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
  // Mounted secrets belong to root.
  const isOurs = [process.getuid?.() ?? uid, 0].includes(uid);
  if (isOurs && (mode & OTHERS) === 0) return;
  const what = isOurs ? 'is open to others' : 'belongs to another user';
  throw new AppError('FAILED_PRECONDITION', 'SECRET_FILE_UNSAFE', `${path}, which ${named} names, ${what}.`, {
    hint: `Run: chmod 600 ${path}`,
  });
}

function unreadable(named: string, path: string, what: string, cause?: unknown): AppError {
  const text = `${path}, which ${named} names, ${what}.`;
  return new AppError('FAILED_PRECONDITION', 'SECRET_UNREADABLE', text, { cause });
}
