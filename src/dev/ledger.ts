import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** A child of ours on record: its process group has the number of `leader`. */
export interface LedgerEntry extends ProcessIdentity {
  readonly name: string;
}

/** The children of one state folder, on disk, so that a later start finds what a crash left behind. */
export interface Ledger {
  add(entry: LedgerEntry): void;
  remove(entry: LedgerEntry): void;
}

export function openLedger(file: string): Ledger {
  let entries: readonly LedgerEntry[] = [];
  const save = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify(entries), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  return {
    add(entry) {
      entries = [...entries, entry];
      save();
    },
    remove(entry) {
      entries = entries.filter((one) => one.pid !== entry.pid);
      save();
    },
  };
}

/**
 * Ends what an earlier start on the same state left running: only groups whose leader is, by number and start time,
 * the recorded one. Names them.
 */
export async function endLeftovers(file: string): Promise<readonly string[]> {
  const left = readLedger(file).filter(isRunning);
  await Promise.all(left.map((entry) => endGroup(entry.pid)));
  return left.map((entry) => entry.name);
}

/**
 * SIGKILL to a process group; resolves when nothing of it is left. One that is gone already is fine. The wait has an end:
 * where process 1 collects no orphans, their entries stay although nothing runs.
 */
export async function endGroup(pid: number): Promise<void> {
  for (let tries = 0; tries < 25 && signalGroup(pid, 'SIGKILL'); tries += 1) await sleep(20);
}

function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    // macOS answers EPERM for a group of which only zombies are left.
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function readLedger(file: string): readonly LedgerEntry[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(parsed) ? (parsed as LedgerEntry[]) : [];
  } catch {
    return [];
  }
}
