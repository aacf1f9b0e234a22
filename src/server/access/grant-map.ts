import { type TupleChange, type TupleKey, tupleText } from './tuples.ts';

/**
 * What must be known of all stored tuples to ask OpenFGA little: which groups and runs they name, and when the next one ends.
 * Kept from Read and ReadChanges. Applying a change twice, or an older stretch of changes again up to its end, does no harm.
 */
export interface GrantMap {
  apply(changes: readonly TupleChange[]): void;
  clear(): void;
  /** Some stored tuple gives something to the members of this group (`group:...`). */
  namesGroup(group: string): boolean;
  /** Some stored tuple is on this object (`run:...`). */
  namesRun(run: string): boolean;
  /** False where this tuple names a group or a run and is not in the map. */
  holds(tuple: TupleKey): boolean;
  /** The first end of a stored tuple after `now`, epoch ms. */
  nextEnd(now: number): number | undefined;
}

class Names {
  readonly #tuples = new Map<string, Set<string>>();

  change(name: string, tuple: string, op: 'write' | 'delete'): void {
    const tuples = this.#tuples.get(name) ?? new Set();
    if (op === 'write') tuples.add(tuple);
    else tuples.delete(tuple);
    if (tuples.size === 0) this.#tuples.delete(name);
    else this.#tuples.set(name, tuples);
  }

  has(name: string): boolean {
    return this.#tuples.has(name);
  }

  holds(name: string, tuple: string): boolean {
    return this.#tuples.get(name)?.has(tuple) ?? false;
  }

  clear(): void {
    this.#tuples.clear();
  }
}

const MEMBERS = '#member';

export function createGrantMap(): GrantMap {
  const groups = new Names();
  const runs = new Names();
  const ends = new Map<string, number>();
  let next: { since: number; end: number | undefined } | undefined;

  const applyOne = ({ op, tuple }: TupleChange): void => {
    const text = tupleText(tuple);
    if (tuple.user.endsWith(MEMBERS)) groups.change(tuple.user.slice(0, -MEMBERS.length), text, op);
    if (tuple.object.startsWith('run:')) runs.change(tuple.object, text, op);
    if (op === 'write' && tuple.until !== undefined) ends.set(text, tuple.until);
    else ends.delete(text);
  };

  return {
    apply: (changes) => {
      for (const change of changes) applyOne(change);
      next = undefined;
    },
    clear: () => {
      groups.clear();
      runs.clear();
      ends.clear();
      next = undefined;
    },
    namesGroup: (group) => groups.has(group),
    namesRun: (run) => runs.has(run),
    holds: (tuple) => {
      const text = tupleText(tuple);
      const { user, object } = tuple;
      if (user.endsWith(MEMBERS) && !groups.holds(user.slice(0, -MEMBERS.length), text)) return false;
      return !object.startsWith('run:') || runs.holds(object, text);
    },
    nextEnd: (now) => {
      const known = next !== undefined && next.since <= now && (next.end === undefined || now < next.end);
      if (known) return next?.end;
      let end: number | undefined;
      for (const until of ends.values()) if (until > now && (end === undefined || until < end)) end = until;
      next = { since: now, end };
      return end;
    },
  };
}
