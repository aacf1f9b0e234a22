import { AppError, isAppError } from '../../../../core/errors.ts';
import type { Federation } from '../../../../core/federations.ts';
import type { Caller } from '../../../../core/services.ts';
import { callerOf, federationOf, type Handlers, type Services } from '../../call.ts';
import type { SeenNode } from '../../methods.ts';
import { listedFederations } from '../../node-access.ts';
import { seenNodes } from '../nodes.ts';
import { listRuns } from '../runs.ts';
import { membersOf } from './members.ts';
import { seenBy, visibleTo } from './seen.ts';

const MAX_RUNS = 100;
/** There are no SuperNodes that could be told, and that is all there is to know. */
const NO_NODES = ['NOT_SERVED', 'ENGINE_TOO_OLD', 'FEDERATION_WITHOUT_ENGINE'];

export const listHandlers: Pick<Handlers, 'federations.list' | 'federations.show'> = {
  'federations.list': async (services, call) => {
    const caller = callerOf(call);
    return { federations: await seenBy(services, caller, await visibleTo(services, caller)) };
  },

  'federations.show': async (services, call) => {
    const caller = callerOf(call);
    const federation = federationOf(call);
    const narrow = { idPrefix: '', limit: MAX_RUNS, cursor: '', federation: federation.id, mine: false };
    const [[seen], nodes, { runs, now }] = await Promise.all([
      seenBy(services, caller, [federation]),
      nodesOf(services, caller, federation),
      listRuns(services, call, narrow),
    ]);
    if (!seen) throw new AppError('INTERNAL', 'TARGET_MISSING', 'The call has no federation.');
    const whose = seen.rights.includes('can_view') ? undefined : caller.subject.principal;
    return { seen, members: await membersOf(services, federation.id, whose), nodes, runs, now };
  },
};

/** @throws UNAVAILABLE ENGINE_* where the engine is away: no SuperNodes would be a lie */
async function nodesOf(services: Services, caller: Caller, federation: Federation): Promise<readonly SeenNode[]> {
  if (federation.archivedAt !== undefined) return [];
  try {
    const listed = await listedFederations(caller.subject, services);
    return await seenNodes({ services, caller, engines: [federation.engine], listed });
  } catch (error) {
    if (isAppError(error) && NO_NODES.includes(error.reason)) return [];
    throw error;
  }
}
