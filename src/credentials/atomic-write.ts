import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { PrivateDir } from './private-dir.ts';

/** Told before each system call that changes something, so that a test can end the process there (security.md F-31). */
export type StepHook = (step: string) => void;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Puts `content` under `name`, durably: after a crash at any point the old or the new file is there, whole (CF-01).
 * @throws the file system's own errors; then the old file stands
 */
export function writeAtomically(
  dir: PrivateDir,
  name: string,
  content: string,
  { mode = 0o600, onStep = () => {} }: { mode?: number; onStep?: StepHook | undefined } = {},
): void {
  const temporary = `${temporaryPrefix(name)}${randomBytes(8).toString('hex')}.tmp`;
  onStep(`${name}: create`);
  const fd = openSync(dir.at(temporary), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    fill(fd, content, mode, (step) => onStep(`${name}: ${step}`));
    onStep(`${name}: rename`);
    renameSync(dir.at(temporary), dir.at(name));
  } catch (error) {
    removeIfThere(dir, temporary);
    throw error;
  }
  onStep(`${name}: sync folder`);
  dir.sync();
}

function fill(fd: number, content: string, mode: number, onStep: StepHook): void {
  try {
    onStep('chmod');
    fchmodSync(fd, mode);
    onStep('write');
    writeFileSync(fd, content);
    onStep('sync');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function temporaryPrefix(name: string): string {
  return `.${name}.`;
}

/** Deletes what killed writers of `name` left; only under the lock of `name`, where nobody else writes it. */
export function sweepTemporaries(dir: PrivateDir, name: string): void {
  const prefix = temporaryPrefix(name);
  for (const entry of readdirSync(dir.at('.'))) {
    if (entry.startsWith(prefix) && entry.endsWith('.tmp')) removeIfThere(dir, entry);
  }
}

/** True if there was something to remove. */
export function removeIfThere(dir: PrivateDir, name: string): boolean {
  try {
    unlinkSync(dir.at(name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
