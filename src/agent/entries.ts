import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { type EntryFacts, fixedBuffer, type ListedEntry } from '../credentials/agent-protocol.ts';
import { openWith, type Sealed, sealUnder } from './lock-key.ts';

const MAX_ENTRIES = 256;

interface Entry {
  readonly facts: EntryFacts;
  /** The secret; wiped while the agent is locked. */
  secret: Buffer | undefined;
  sealed: Sealed | undefined;
  /** By both clocks: a machine that slept, or a clock that was set, never makes a lifetime longer. */
  end: { readonly monotonic: number; readonly wall: number } | undefined;
}

/** What an agent holds in memory. Whoever gets a secret out of it gets a copy, to be wiped. */
export interface Entries {
  list(): readonly ListedEntry[];
  /** Undefined where there is none, or its time is over. */
  get(id: string): { readonly secret: Buffer; readonly leftMs: number | undefined } | undefined;
  /**
   * Takes `secret` over. Without a lifetime an entry that was there keeps its end (a renewed login lives no longer for
   * it), and a new one gets the agent's. @throws RESOURCE_EXHAUSTED AGENT_FULL
   */
  put(facts: EntryFacts, secret: Buffer, lifetimeMs: number | undefined): void;
  /** One, or all. How many there were. */
  remove(id?: string): number;
  /** How many it was about. */
  setLifetime(lifetimeMs: number, id?: string): number;
  /** Encrypts every secret with `key` and wipes it. */
  seal(key: Buffer): void;
  /** The inverse of {@link seal}. */
  open(key: Buffer): void;
}

export interface EntriesOptions {
  readonly clock: Clock;
  /** Of entries that come without one, in ms; undefined = until the agent ends. */
  readonly lifetimeMs: number | undefined;
}

export function createEntries({ clock, lifetimeMs: usual }: EntriesOptions): Entries {
  const entries = new Map<string, Entry>();

  const forget = (id: string, { secret, sealed }: Entry) => {
    secret?.fill(0);
    sealed?.data.fill(0);
    entries.delete(id);
  };
  const leftOf = ({ end }: Entry) => end && Math.min(end.monotonic - clock.monotonic(), end.wall - clock.now());
  const sweep = () => {
    for (const [id, entry] of entries) if ((leftOf(entry) ?? 1) <= 0) forget(id, entry);
  };
  const chosen = (id: string | undefined) => [...entries].filter(([key]) => id === undefined || key === id);
  const endIn = (ms: number | undefined) =>
    ms === undefined ? undefined : { monotonic: clock.monotonic() + ms, wall: clock.now() + ms };

  return {
    list() {
      sweep();
      return [...entries.values()].map((entry) => {
        const leftMs = leftOf(entry);
        return { ...entry.facts, ...(leftMs === undefined ? {} : { leftMs }) };
      });
    },
    get(id) {
      sweep();
      const entry = entries.get(id);
      return entry?.secret && { secret: copyOf(entry.secret), leftMs: leftOf(entry) };
    },
    put(facts, secret, lifetimeMs) {
      sweep();
      const before = entries.get(facts.id);
      if (!before && entries.size >= MAX_ENTRIES) {
        throw new AppError('RESOURCE_EXHAUSTED', 'AGENT_FULL', 'The agent holds as much as it can.');
      }
      before?.secret?.fill(0);
      const end = before && lifetimeMs === undefined ? before.end : endIn(lifetimeMs ?? usual);
      entries.set(facts.id, { facts, secret, sealed: undefined, end });
    },
    remove(id) {
      sweep();
      const found = chosen(id);
      for (const [key, entry] of found) forget(key, entry);
      return found.length;
    },
    setLifetime(lifetimeMs, id) {
      sweep();
      const found = chosen(id);
      for (const [, entry] of found) entry.end = endIn(lifetimeMs);
      return found.length;
    },
    seal(key) {
      sweep();
      for (const [id, entry] of entries) {
        if (entry.secret === undefined) continue;
        entry.sealed = sealUnder(key, entry.secret, id);
        entry.secret.fill(0);
        entry.secret = undefined;
      }
    },
    open(key) {
      sweep();
      for (const [id, entry] of entries) {
        if (entry.sealed === undefined) continue;
        entry.secret = openWith(key, entry.sealed, id);
        entry.sealed = undefined;
      }
    },
  };
}

function copyOf(secret: Buffer): Buffer {
  const copy = fixedBuffer(secret.length);
  secret.copy(copy);
  return copy;
}
