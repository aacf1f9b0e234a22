import { GRANTABLE, type Grant, type Grants } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { parseRunId } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import type { Lock } from './locks.ts';
import type { TupleStore } from './tuple-store.ts';
import { checkObject, checkPrincipal, fromGrant, type Tuple, toGrant, tupleText, typeOf } from './tuples.ts';

export interface GrantsOptions {
  readonly tuples: TupleStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly log: Logger;
  /** Brings cache and projection up to date after a change of ours. */
  readonly written: () => Promise<void>;
}

const ATTEMPTS = 3;

/** @throws INVALID_ARGUMENT ROLE_INVALID, OBJECT_INVALID, PRINCIPAL_INVALID */
function checkGrant({ principal, role, object }: Omit<Grant, 'until'>): void {
  checkPrincipal(principal);
  const roles: readonly string[] | undefined = Object.entries(GRANTABLE).find(([type]) => type === typeOf(object))?.[1];
  checkObject(object);
  if (roles === undefined || (object.startsWith('run:') && parseRunId(object.slice(4)) === undefined)) {
    throw new AppError('INVALID_ARGUMENT', 'OBJECT_INVALID', 'That names no object that rights can be granted on.');
  }
  if (!roles.includes(role)) {
    const text = `There is no role "${role.slice(0, 40)}" to grant on a ${typeOf(object)}; there are: ${roles.join(', ')}.`;
    throw new AppError('INVALID_ARGUMENT', 'ROLE_INVALID', text);
  }
}

/** Delete and write: OpenFGA refuses both for one key in one request. Between the two the right is missing, never too wide. */
async function put(tuples: TupleStore, wanted: Tuple): Promise<'written' | 'unchanged'> {
  for (let attempt = 1; ; attempt++) {
    const standing = await tuples.find(wanted);
    if (standing !== undefined && standing.until === wanted.until) return 'unchanged';
    if (standing !== undefined) await tuples.remove(wanted);
    try {
      await tuples.write(wanted);
      return 'written';
    } catch (error) {
      if (!isAppError(error) || error.reason !== 'GRANT_CONFLICT' || attempt === ATTEMPTS) throw error;
    }
  }
}

async function collect(tuples: TupleStore, filter: { user?: string; object?: string }): Promise<Tuple[]> {
  const found: Tuple[] = [];
  for await (const page of tuples.list(filter)) found.push(...page);
  return found;
}

/** Stored grants, in OpenFGA. Extending and shortening run under a lock of this process for that tuple. */
export function createGrants({ tuples, lock, clock, log, written }: GrantsOptions): Grants {
  const afterwards = async (): Promise<void> => {
    // The tuple is changed already; the watch catches up by itself if this one look at it fails.
    await written().catch((error: unknown) => log.warn({ err: error }, 'could not read back a change of grants'));
  };

  const filters = (principal: string | undefined, object: string | undefined): { user?: string; object?: string }[] => {
    const user = principal === undefined ? {} : { user: checkPrincipal(principal) };
    if (object !== undefined) return [{ ...user, object: checkObject(object) }];
    // OpenFGA reads by user only within one type.
    return principal === undefined ? [{}] : Object.keys(GRANTABLE).map((type) => ({ ...user, object: `${type}:` }));
  };

  return {
    grant: async (grant) => {
      checkGrant(grant);
      if (grant.until !== undefined && !(grant.until > clock.now())) {
        throw new AppError('INVALID_ARGUMENT', 'GRANT_END_PAST', 'The end of this grant has passed already.');
      }
      const tuple = fromGrant(grant);
      const outcome = await lock(tupleText(tuple), () => put(tuples, tuple));
      if (outcome === 'written') await afterwards();
      return outcome;
    },
    revoke: async (grant) => {
      checkPrincipal(grant.principal);
      checkObject(grant.object);
      const tuple = fromGrant(grant);
      const outcome = await lock(tupleText(tuple), async () => {
        if ((await tuples.find(tuple)) === undefined) return 'unchanged' as const;
        await tuples.remove(tuple);
        return 'deleted' as const;
      });
      if (outcome === 'deleted') await afterwards();
      return outcome;
    },
    grants: async ({ principal, object }) => {
      const found: Tuple[] = [];
      for (const filter of filters(principal, object)) found.push(...(await collect(tuples, filter)));
      const now = clock.now();
      return found.filter(({ until }) => until === undefined || until > now).map(toGrant);
    },
  };
}

/** Deletes tuples that ended before `before` (epoch ms); each is looked at again under its lock, for it may have been extended. */
export async function sweepEnded(tuples: TupleStore, lock: Lock, before: number): Promise<number> {
  let swept = 0;
  const ended = (tuple: Tuple | undefined): boolean => tuple?.until !== undefined && tuple.until < before;
  for (const tuple of (await collect(tuples, {})).filter(ended)) {
    await lock(tupleText(tuple), async () => {
      if (!ended(await tuples.find(tuple))) return;
      await tuples.remove(tuple);
      swept++;
    });
  }
  return swept;
}
