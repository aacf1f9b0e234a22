import { type AccessQuestion, RIGHTS } from '../../../../core/access.ts';
import type { Federation } from '../../../../core/federations.ts';
import type { Caller } from '../../../../core/services.ts';
import type { Services } from '../../call.ts';
import type { SeenFederation } from '../../methods.ts';
import { listable } from '../../node-access.ts';
import { grantsOn, highestRoles } from './members.ts';

/** Reads of grants at a time. */
const PARALLEL = 8;

/** Federations that are shown to the caller. Archived ones are among them. */
export async function visibleTo(services: Services, { subject }: Caller): Promise<readonly Federation[]> {
  return listable(await services.federations.all(), subject, services);
}

/** Federations with the caller's rights on them. Members are counted for those who may view it; others count themselves. */
export async function seenBy(
  services: Services,
  { subject }: Caller,
  federations: readonly Federation[],
): Promise<readonly SeenFederation[]> {
  const questions = federations.flatMap(({ id }) =>
    RIGHTS.map((right): AccessQuestion => ({ subject, right, object: { type: 'federation', id } })),
  );
  const answers = await services.checker.checkMany(questions);
  const rightsOf = (index: number) => RIGHTS.filter((_, right) => answers[index * RIGHTS.length + right]);
  const seen: SeenFederation[] = [];
  for (let first = 0; first < federations.length; first += PARALLEL) {
    const some = federations.slice(first, first + PARALLEL).map(async (federation, offset) => {
      const rights = rightsOf(first + offset);
      const whose = rights.includes('can_view') ? undefined : subject.principal;
      const memberCount = highestRoles(await grantsOn(services, federation.id, whose)).length;
      return { federation, rights, memberCount, isDefault: federation.id === services.facts.defaultFederation };
    });
    seen.push(...(await Promise.all(some)));
  }
  return seen;
}
