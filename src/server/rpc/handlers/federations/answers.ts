import { AppError } from '../../../../core/errors.ts';
import type { Invitation } from '../../../../core/federations.ts';
import { accountPrincipal, objectId } from '../../../../core/principals.ts';
import { type Call, callerOf, federationOf, type Handlers, type Services } from '../../call.ts';
import { federationNamed } from '../../targets.ts';
import { accountNamed } from '../who.ts';
import { grantsOn } from './members.ts';
import { assertOpen } from './open.ts';

/**
 * An invitation is accepted by a grant and then by its row: who repeats it after a crash in between ends it well. One that
 * ends in another way leaves no grant behind, also none of an accepting that was cut off or is under way.
 */
export const answerHandlers: Pick<Handlers, 'invitations.accept' | 'invitations.reject' | 'invitations.revoke'> = {
  'invitations.accept': async (services, call, input) => {
    const federation = federationNamed(input.federation, services);
    const invitation = await newest(services, federation, callerOf(call).account.id);
    if (invitation?.status === 'accepted' && (await holds(services, call, invitation))) return {};
    if (invitation?.status !== 'pending') throw notInvited(federation);
    await accept(services, call, invitation);
    return {};
  },

  'invitations.reject': async (services, call, input) => {
    const federation = federationNamed(input.federation, services);
    const invitation = await newest(services, federation, callerOf(call).account.id);
    if (invitation?.status === 'pending' && (await end(services, invitation, 'rejected'))) return {};
    throw notInvited(federation);
  },

  'invitations.revoke': async (services, call, input) => {
    const { id } = federationOf(call);
    const invitee = await accountNamed(services, input.invitee);
    const invitation = await newest(services, id, invitee.id);
    if (invitation?.status === 'pending' && (await end(services, invitation, 'revoked'))) return {};
    throw new AppError('NOT_FOUND', 'INVITATION_NOT_FOUND', `${invitee.handle} has no pending invitation to ${id}.`, {
      hint: 'Who has accepted already is a member: fedctl federation remove-member.',
    });
  },
};

async function accept(services: Services, call: Call, invitation: Invitation): Promise<void> {
  const federation = await services.federations.find(invitation.federation);
  if (!federation) throw notInvited(invitation.federation);
  assertOpen(federation);
  const grant = grantOf(invitation, callerOf(call).subject.principal);
  const outcome = await services.grants.grant({ ...grant, until: undefined });
  if (await services.invitations.settleInvitation(invitation.id, 'accepted', services.clock.now())) return;
  const now = await newest(services, invitation.federation, invitation.inviteeAccountId);
  if (now?.id === invitation.id && now.status === 'accepted') return;
  // Revoked or rejected meanwhile.
  if (outcome === 'written') await services.grants.revoke(grant);
  throw notInvited(invitation.federation);
}

/** Ends a pending invitation, and takes back what a half-done acceptance has granted; false where it is not pending any more. */
export async function end(
  services: Services,
  invitation: Invitation,
  status: 'rejected' | 'revoked',
): Promise<boolean> {
  const settled = await services.invitations.settleInvitation(invitation.id, status, services.clock.now());
  if (!settled) return false;
  const [account] = await services.accounts.accountsByIds([invitation.inviteeAccountId]);
  if (!account) return true;
  const grant = grantOf(invitation, accountPrincipal(account));
  const held = await grantsOn(services, invitation.federation, grant.principal);
  // Invitations grant without an end: what has one came from elsewhere.
  if (held.some(({ role, until }) => role === grant.role && until === undefined)) await services.grants.revoke(grant);
  return true;
}

function grantOf({ federation, role }: Invitation, principal: string) {
  return { principal, role, object: objectId({ type: 'federation', id: federation }) };
}

async function holds(services: Services, call: Call, { federation, role }: Invitation): Promise<boolean> {
  const grants = await grantsOn(services, federation, callerOf(call).subject.principal);
  return grants.some((grant) => grant.role === role);
}

async function newest(services: Services, federation: string, invitee: string): Promise<Invitation | undefined> {
  const invitations = await services.invitations.invitations({ federations: [federation], inviteeAccountId: invitee });
  // A pending one is the newest, whatever the clocks of two servers say.
  return invitations.find(({ status }) => status === 'pending') ?? invitations[0];
}

/** The same for federations that are not there. */
function notInvited(federation: string): AppError {
  return new AppError('NOT_FOUND', 'INVITATION_NOT_FOUND', `You have no pending invitation to '${federation}'.`, {
    hint: 'See your invitations: fedctl federation invite ls',
  });
}
