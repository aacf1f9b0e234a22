import { plainText } from '../../../core/text.ts';
import * as proto from '../../../gen/fedctl/v1/federations.ts';
import type { SeenInvitation } from '../methods.ts';
import { type Binding, bind, KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { rfc3339 } from './times.ts';

const SERVICE = '/fedctl.v1.Federations';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;
const MAX_NAME = 2000;

export const invitationBindings: readonly Binding[] = [
  bind<'invitations.create'>({
    ...unary,
    path: `${SERVICE}/CreateInvitation`,
    method: 'invitations.create',
    decode: ([message]) => {
      const { federation, invitee, role } = proto.CreateInvitationRequest.decode(one(message));
      return { federation, invitee: plainText(invitee, MAX_NAME), role };
    },
    encode: (seen) => proto.CreateInvitationResponse.encode({ invitation: toWire(seen) }).finish(),
  }),
  bind<'invitations.list'>({
    ...unary,
    path: `${SERVICE}/ListInvitations`,
    method: 'invitations.list',
    decode: () => ({}),
    encode: ({ created, received }) =>
      proto.ListInvitationsResponse.encode({ created: created.map(toWire), received: received.map(toWire) }).finish(),
  }),
  bind<'invitations.accept'>({
    ...unary,
    path: `${SERVICE}/AcceptInvitation`,
    method: 'invitations.accept',
    decode: ([message]) => proto.AcceptInvitationRequest.decode(one(message)),
    encode: () => proto.AcceptInvitationResponse.encode({}).finish(),
  }),
  bind<'invitations.reject'>({
    ...unary,
    path: `${SERVICE}/RejectInvitation`,
    method: 'invitations.reject',
    decode: ([message]) => proto.RejectInvitationRequest.decode(one(message)),
    encode: () => proto.RejectInvitationResponse.encode({}).finish(),
  }),
  bind<'invitations.revoke'>({
    ...unary,
    path: `${SERVICE}/RevokeInvitation`,
    method: 'invitations.revoke',
    decode: ([message]) => {
      const { federation, invitee } = proto.RevokeInvitationRequest.decode(one(message));
      return { federation, invitee: plainText(invitee, MAX_NAME) };
    },
    encode: () => proto.RevokeInvitationResponse.encode({}).finish(),
  }),
];

function toWire({ invitation, inviterHandle, inviteeHandle }: SeenInvitation): proto.Invitation {
  return {
    federation: invitation.federation,
    inviter: inviterHandle,
    invitee: inviteeHandle,
    role: invitation.role,
    status: invitation.status,
    createdAt: rfc3339(invitation.createdAt),
    changedAt: rfc3339(invitation.changedAt),
  };
}
