import type { Grant } from '../../../../core/access.ts';
import { AppError } from '../../../../core/errors.ts';
import { objectId } from '../../../../core/principals.ts';
import { callerOf, federationOf, type Handlers, type Services } from '../../call.ts';
import type { SeenMember } from '../../methods.ts';
import { accountOf, nameOf, resolveWho } from '../who.ts';

/** Roles on a federation, the highest first; the last two are beside each other. */
const RANK: readonly string[] = ['admin', 'operator', 'runner', 'viewer'];

/** Stored grants on a federation, those of one principal or all. */
export function grantsOn(services: Services, federation: string, principal?: string): Promise<readonly Grant[]> {
  const object = objectId({ type: 'federation', id: federation });
  return services.grants.grants({ object, ...(principal === undefined ? {} : { principal }) });
}

/** Who holds a role on it, each with the highest, by name. */
export async function membersOf(
  services: Services,
  federation: string,
  principal?: string,
): Promise<readonly SeenMember[]> {
  const highest = highestRoles(await grantsOn(services, federation, principal));
  const members = await Promise.all(highest.map((grant) => memberOf(services, grant)));
  return members.sort((one, other) => (one.who < other.who ? -1 : 1));
}

/** One grant for each principal. */
export function highestRoles(grants: readonly Grant[]): readonly Grant[] {
  const highest = new Map<string, Grant>();
  for (const grant of grants) {
    const standing = highest.get(grant.principal);
    if (!standing || RANK.indexOf(grant.role) < RANK.indexOf(standing.role)) highest.set(grant.principal, grant);
  }
  return [...highest.values()];
}

/** True where one of the grants gives all that the role would. */
export function covers(grants: readonly Grant[], role: string): boolean {
  return grants.some(
    (grant) => grant.role === role || (['admin', 'operator'].includes(grant.role) && above(grant.role, role)),
  );
}

function above(one: string, other: string): boolean {
  return RANK.indexOf(one) < RANK.indexOf(other);
}

async function memberOf(services: Services, { principal, role, until }: Grant): Promise<SeenMember> {
  const account = await accountOf(services, principal);
  return { who: account?.handle ?? (await nameOf(services, principal)), accountId: account?.id ?? '', role, until };
}

/** Takes all roles that `principal` holds by itself; false where there was none. */
async function takeRoles(services: Services, federation: string, principal: string): Promise<boolean> {
  const grants = await grantsOn(services, federation, principal);
  for (const grant of grants) await services.grants.revoke(grant);
  return grants.length > 0;
}

export const memberHandlers: Pick<Handlers, 'federations.remove-member' | 'federations.leave'> = {
  'federations.remove-member': async (services, call, input) => {
    const { id } = federationOf(call);
    const { principal, who } = await resolveWho(services, input.account);
    if (await takeRoles(services, id, principal)) return {};
    throw new AppError('NOT_FOUND', 'MEMBER_NOT_FOUND', `${who} holds no role of their own on ${id}.`, {
      hint: 'Roles that come with a group are taken from the group.',
    });
  },

  'federations.leave': async (services, call) => {
    const { id } = federationOf(call);
    if (await takeRoles(services, id, callerOf(call).subject.principal)) return {};
    throw new AppError('NOT_FOUND', 'MEMBER_NOT_FOUND', `You hold no role of your own on ${id}.`, {
      hint: 'Roles that come with a group or with the system are not left one federation at a time.',
    });
  },
};
