import { AppError } from '../core/errors.ts';
import type { AgentAnswer, EntryFacts, EntryKind, Frame } from '../credentials/agent-protocol.ts';
import type { Entries } from './entries.ts';
import { type AgentLock, agentLocked } from './lock.ts';

/** What an operation says, with the secret it was asked for. */
export interface Said {
  readonly header: Omit<AgentAnswer, 'v' | 'ok'>;
  readonly payload?: Buffer;
}

export interface OperationParts {
  readonly entries: Entries;
  readonly lock: AgentLock;
  readonly pid: number;
}

type Operation = (frame: Frame, parts: OperationParts) => Promise<Said> | Said;

/** Ids hold a path, a host and a salt. */
const MAX_TEXT = 6_000;
const KINDS: readonly unknown[] = ['key', 'login'] satisfies EntryKind[];
const malformed = () =>
  new AppError('INVALID_ARGUMENT', 'AGENT_REQUEST_INVALID', 'The agent does not understand this.');

function text(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT) return value;
  throw malformed();
}

function lifetime(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw malformed();
}

const optional = <T>(value: unknown, read: (value: unknown) => T) => (value === undefined ? undefined : read(value));

function factsOf({ id, kind, file, server, account }: Frame['header']): EntryFacts {
  if (!KINDS.includes(kind)) throw malformed();
  return { id: text(id), kind: kind as EntryKind, file: text(file), server: text(server), account: text(account) };
}

function unlocked(lock: AgentLock): void {
  if (lock.isLocked) throw agentLocked();
}

/** Everything but the end, which concerns all connections. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  list: (_frame, { entries, lock, pid }) => ({
    header: { pid, locked: lock.isLocked, entries: lock.isLocked ? [] : entries.list() },
  }),
  get: ({ header }, { entries, lock }) => {
    unlocked(lock);
    const entry = entries.get(text(header.id));
    if (entry === undefined) return { header: { found: false } };
    const { secret: payload, leftMs } = entry;
    return { header: { found: true, ...(leftMs === undefined ? {} : { leftMs }) }, payload };
  },
  put: ({ header, payload }, { entries, lock }) => {
    unlocked(lock);
    if (payload.length === 0) throw malformed();
    entries.put(factsOf(header), payload, optional(header.lifetimeMs, lifetime));
    return { header: { count: 1 } };
  },
  remove: ({ header }, { entries }) => ({ header: { count: entries.remove(optional(header.id, text)) } }),
  lifetime: ({ header }, { entries, lock }) => {
    unlocked(lock);
    return { header: { count: entries.setLifetime(lifetime(header.lifetimeMs), optional(header.id, text)) } };
  },
  lock: async ({ payload }, { lock }) => {
    await lock.lock(payload);
    return { header: { locked: true } };
  },
  unlock: async ({ payload }, { lock }) => {
    await lock.unlock(payload);
    return { header: { locked: false } };
  },
};

/** @throws AppError for what can't be done; wipes what came with it */
export async function operate(frame: Frame, parts: OperationParts): Promise<Said> {
  const { op } = frame.header;
  const operation = typeof op === 'string' && Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
  try {
    if (operation === undefined) throw malformed();
    return await operation(frame, parts);
  } catch (error) {
    frame.payload.fill(0);
    throw error;
  }
}
