import * as proto from '../../../gen/flwr/proto/control.ts';
import type { Invitation } from '../../../gen/flwr/proto/federation.ts';
import type { SeenInvitation } from '../methods.ts';
import { KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCalls, flowerCall } from './flower-calls.ts';
import { flowerTime } from './times.ts';

const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;
/** flwr names none: who is invited may run apps. */
const INVITED_ROLE = 'runner';

export const invitationCalls: FlowerCalls = {
  CreateInvitation: flowerCall<'invitations.create'>({
    ...unary,
    method: 'invitations.create',
    decode: ([message]) => {
      const { federationName, inviteeAccountName } = proto.CreateInvitationRequest.decode(one(message));
      return { federation: federationName, invitee: inviteeAccountName, role: INVITED_ROLE };
    },
    encode: () => proto.CreateInvitationResponse.encode({}).finish(),
  }),
  ListInvitations: flowerCall<'invitations.list'>({
    ...unary,
    method: 'invitations.list',
    decode: ([message]) => proto.ListInvitationsRequest.decode(one(message)) as Record<string, never>,
    encode: ({ created, received }) =>
      proto.ListInvitationsResponse.encode({
        createdInvitations: created.map(toFlower),
        receivedInvitations: received.map(toFlower),
      }).finish(),
  }),
  AcceptInvitation: flowerCall<'invitations.accept'>({
    ...unary,
    method: 'invitations.accept',
    decode: ([message]) => ({ federation: proto.AcceptInvitationRequest.decode(one(message)).federationName }),
    encode: () => proto.AcceptInvitationResponse.encode({}).finish(),
  }),
  RejectInvitation: flowerCall<'invitations.reject'>({
    ...unary,
    method: 'invitations.reject',
    decode: ([message]) => ({ federation: proto.RejectInvitationRequest.decode(one(message)).federationName }),
    encode: () => proto.RejectInvitationResponse.encode({}).finish(),
  }),
  RevokeInvitation: flowerCall<'invitations.revoke'>({
    ...unary,
    method: 'invitations.revoke',
    decode: ([message]) => {
      const { federationName, inviteeAccountName } = proto.RevokeInvitationRequest.decode(one(message));
      return { federation: federationName, invitee: inviteeAccountName };
    },
    encode: () => proto.RevokeInvitationResponse.encode({}).finish(),
  }),
};

function toFlower({ invitation, inviterHandle, inviteeHandle }: SeenInvitation): Invitation {
  return {
    federationName: invitation.federation,
    inviter: { id: invitation.inviterAccountId, name: inviterHandle },
    invitee: { id: invitation.inviteeAccountId, name: inviteeHandle },
    status: invitation.status,
    createdAt: flowerTime(invitation.createdAt),
    statusChangedAt: flowerTime(invitation.changedAt),
  };
}
