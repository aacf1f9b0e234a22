import { AppError } from '../../../core/errors.ts';
import type { Handlers } from '../call.ts';

type FederationHandlers = Pick<
  Handlers,
  | 'federations.list'
  | 'federations.show'
  | 'federations.create'
  | 'federations.archive'
  | 'federations.add-node'
  | 'federations.remove-node'
  | 'federations.remove-member'
  | 'federations.leave'
  | 'federations.configure-simulation'
  | 'invitations.create'
  | 'invitations.list'
  | 'invitations.accept'
  | 'invitations.reject'
  | 'invitations.revoke'
>;

async function notYet(): Promise<never> {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This is not served yet.');
}

export const federationHandlers: FederationHandlers = {
  'federations.list': notYet,
  'federations.show': notYet,
  'federations.create': notYet,
  'federations.archive': notYet,
  'federations.add-node': notYet,
  'federations.remove-node': notYet,
  'federations.remove-member': notYet,
  'federations.leave': notYet,
  'federations.configure-simulation': notYet,
  'invitations.create': notYet,
  'invitations.list': notYet,
  'invitations.accept': notYet,
  'invitations.reject': notYet,
  'invitations.revoke': notYet,
};
