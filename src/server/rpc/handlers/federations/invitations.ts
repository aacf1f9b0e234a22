import { randomUUID } from 'node:crypto';
import { type AccessQuestion, GRANTABLE } from '../../../../core/access.ts';
import { AppError } from '../../../../core/errors.ts';
import type { Invitation } from '../../../../core/federations.ts';
import { accountPrincipal } from '../../../../core/principals.ts';
import type { Caller } from '../../../../core/services.ts';
import { callerOf, type Handlers, type Services } from '../../call.ts';
import type { SeenInvitation } from '../../methods.ts';
import { accountNamed } from '../who.ts';
import { covers, grantsOn } from './members.ts';
import { openFederation } from './open.ts';

export const invitationHandlers: Pick<Handlers, 'invitations.create' | 'invitations.list'> = {
  'invitations.create': async (services, call, input) => {
    const federation = openFederation(call).id;
    const role = checkRole(input.role || 'runner');
    const invitee = await accountNamed(services, input.invitee);
    const held = await grantsOn(services, federation, accountPrincipal(invitee));
    if (covers(held, role)) {
      throw new AppError('ALREADY_EXISTS', 'MEMBER_EXISTS', `${invitee.handle} is ${role} of ${federation} already.`);
    }
    const now = services.clock.now();
    const invitation: Invitation = {
      id: randomUUID(),
      federation,
      inviterAccountId: callerOf(call).account.id,
      inviteeAccountId: invitee.id,
      role,
      status: 'pending',
      createdAt: now,
      changedAt: now,
    };
    if (!(await services.invitations.insertInvitation(invitation))) {
      const text = `${invitee.handle} has a pending invitation to ${federation} already.`;
      throw new AppError('ALREADY_EXISTS', 'INVITATION_EXISTS', text, { hint: 'Revoke it to invite them anew.' });
    }
    return { invitation, inviterHandle: callerOf(call).account.handle, inviteeHandle: invitee.handle };
  },

  'invitations.list': async (services, call) => {
    const caller = callerOf(call);
    const [created, received] = await Promise.all([
      services.invitations.invitations({ federations: await administeredBy(services, caller) }),
      services.invitations.invitations({ inviteeAccountId: caller.account.id }),
    ]);
    const ids = new Set([...created, ...received].flatMap((one) => [one.inviterAccountId, one.inviteeAccountId]));
    const accounts = await services.accounts.accountsByIds([...ids]);
    const handles = new Map(accounts.map(({ id, handle }) => [id, handle]));
    const seen = (invitation: Invitation): SeenInvitation => ({
      invitation,
      inviterHandle: handles.get(invitation.inviterAccountId) ?? '',
      inviteeHandle: handles.get(invitation.inviteeAccountId) ?? '',
    });
    return { created: created.map(seen), received: received.map(seen) };
  },
};

async function administeredBy(services: Services, { subject }: Caller): Promise<readonly string[]> {
  const ids = (await services.federations.all()).map(({ id }) => id);
  const questions = ids.map(
    (id): AccessQuestion => ({ subject, right: 'can_admin', object: { type: 'federation', id } }),
  );
  const answers = await services.checker.checkMany(questions);
  return ids.filter((_, index) => answers[index]);
}

function checkRole(role: string): string {
  const roles: readonly string[] = GRANTABLE.federation;
  if (roles.includes(role)) return role;
  throw new AppError('INVALID_ARGUMENT', 'ROLE_UNKNOWN', 'On a federation there is no such role.', {
    hint: `Roles of a federation: ${roles.join(', ')}.`,
  });
}
