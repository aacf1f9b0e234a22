import type { Handlers } from '../call.ts';
import { answerHandlers } from './federations/answers.ts';
import { changeHandlers } from './federations/changes.ts';
import { invitationHandlers } from './federations/invitations.ts';
import { listHandlers } from './federations/lists.ts';
import { memberHandlers } from './federations/members.ts';
import { federationNodeHandlers } from './federations/nodes.ts';

type FederationMethod = Extract<keyof Handlers, `federations.${string}` | `invitations.${string}`>;

export const federationHandlers: Pick<Handlers, FederationMethod> = {
  ...listHandlers,
  ...changeHandlers,
  ...federationNodeHandlers,
  ...memberHandlers,
  ...invitationHandlers,
  ...answerHandlers,
};
