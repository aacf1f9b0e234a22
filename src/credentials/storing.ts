import { AppError, isAppError } from '../core/errors.ts';

/** What a failure of the file system means for a login. `file`: where the login is, for people. */
interface Place {
  readonly file: string;
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
};

/** What kept a login from being stored; AppErrors say it themselves. */
export function notSaved({ file }: Place, error: unknown): AppError {
  if (isAppError(error)) return error;
  const text = `The login could not be stored in ${file}: ${describeFailure(error)}.`;
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_NOT_SAVED', text, {
    hint: 'Free some space or correct the permissions, then run the command again.',
    cause: error,
  });
}

export function unreadable({ file }: Place, error: unknown): AppError {
  const text = `${file} can't be read: ${describeFailure(error)}.`;
  return new AppError('FAILED_PRECONDITION', 'CREDENTIALS_UNREADABLE', text, { cause: error });
}

function describeFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return FAILURES[code] ?? code;
}

/** @throws FAILED_PRECONDITION CREDENTIALS_NOT_SAVED for a failure of the file system; any other as it is */
export async function saving<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFileSystemError(error) ? notSaved(place, error) : error;
  }
}

export function isFileSystemError(error: unknown): boolean {
  return !isAppError(error) && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
