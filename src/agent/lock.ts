import { randomBytes } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { Entries } from './entries.ts';
import { deriveKey, openWith, type Sealed, sealUnder } from './lock-key.ts';

const SALT_BYTES = 16;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** Tries that may wait for their turn: more is no person. */
const MAX_WAITING = 4;
const PROOF = 'lock';

export interface AgentLock {
  readonly isLocked: boolean;
  /** Encrypts all that the agent holds. Wipes `passphrase`. @throws FAILED_PRECONDITION AGENT_LOCKED; INVALID_ARGUMENT */
  lock(passphrase: Buffer): Promise<void>;
  /** One try at a time; each wrong one makes the next wait longer. Wipes `passphrase`. @throws PERMISSION_DENIED; RESOURCE_EXHAUSTED */
  unlock(passphrase: Buffer): Promise<void>;
}

export interface AgentLockOptions {
  readonly entries: Entries;
  readonly wait: (ms: number) => Promise<void>;
  /** The key that a passphrase stands for; costs what a guess costs. */
  readonly derive?: typeof deriveKey;
}

interface Locked {
  readonly salt: Buffer;
  readonly proof: Sealed;
}

export const agentLocked = () =>
  new AppError('FAILED_PRECONDITION', 'AGENT_LOCKED', 'The agent is locked.', { hint: 'Run: fedctl agent unlock' });

function opens(key: Buffer, proof: Sealed): boolean {
  try {
    openWith(key, proof, PROOF);
    return true;
  } catch {
    return false;
  }
}

export function createAgentLock({ entries, wait, derive = deriveKey }: AgentLockOptions): AgentLock {
  let locked: Locked | undefined;
  let wrongTries = 0;
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();

  async function tryUnlock(passphrase: Buffer): Promise<void> {
    if (locked === undefined) return;
    const { salt, proof } = locked;
    const key = await derive(passphrase, salt);
    if (!opens(key, proof)) {
      key.fill(0);
      const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** wrongTries);
      wrongTries += 1;
      await wait(delay);
      throw new AppError('PERMISSION_DENIED', 'AGENT_PASSPHRASE_WRONG', 'That is not the passphrase.');
    }
    entries.open(key);
    key.fill(0);
    locked = undefined;
    wrongTries = 0;
  }

  return {
    get isLocked() {
      return locked !== undefined;
    },
    async lock(passphrase) {
      if (passphrase.length === 0) throw new AppError('INVALID_ARGUMENT', 'USAGE', 'The passphrase is empty.');
      const salt = randomBytes(SALT_BYTES);
      const key = await derive(passphrase, salt).finally(() => passphrase.fill(0));
      try {
        if (locked !== undefined) throw agentLocked();
        entries.seal(key);
        locked = { salt, proof: sealUnder(key, randomBytes(SALT_BYTES), PROOF) };
      } finally {
        key.fill(0);
      }
    },
    async unlock(passphrase) {
      if (waiting >= MAX_WAITING) {
        throw new AppError('RESOURCE_EXHAUSTED', 'AGENT_BUSY', 'Too many tries at once to unlock the agent.');
      }
      waiting += 1;
      const mine = turn.then(() => tryUnlock(passphrase));
      turn = mine.catch(() => undefined);
      await mine.finally(() => {
        waiting -= 1;
        passphrase.fill(0);
      });
    },
  };
}
