import { existsSync, lstatSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IGNORED_LINE } from './git.ts';

/**
 * Remembers what stands around a credential file. The function that it gives takes away what has been made there since, as
 * long as nothing is stored in it: a login that was refused leaves a project as it was.
 */
export function traceOf(credentialsPath: string): () => void {
  const inner = dirname(credentialsPath);
  const outer = dirname(inner);
  const ignore = join(outer, '.gitignore');
  const hadInner = isThere(inner);
  const hadOuter = isThere(outer);
  const hadIgnore = isThere(ignore);
  return () => {
    if (!hadInner) attempt(() => rmdirSync(inner));
    // Somebody else's login is there by now, and has to stay ignored.
    if (!hadInner && existsSync(inner)) return;
    if (!hadIgnore && !hadInner) attempt(() => removeOurs(ignore));
    if (!hadOuter) attempt(() => rmdirSync(outer));
  };
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function removeOurs(ignore: string): void {
  if (readFileSync(ignore, 'utf8') === `${IGNORED_LINE}\n`) unlinkSync(ignore);
}

/** What can't be removed is in use, or not ours. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
  }
}
