import type { Wire } from './binding.ts';
import { readCredentials } from './credentials.ts';
import { accessBindings } from './fedctl-v1-access.ts';
import { federationBindings } from './fedctl-v1-federations.ts';
import { invitationBindings } from './fedctl-v1-invitations.ts';
import { loginBindings } from './fedctl-v1-login.ts';
import { runBindings } from './fedctl-v1-runs.ts';
import { sessionBindings } from './fedctl-v1-sessions.ts';
import { supernodeBindings } from './fedctl-v1-supernodes.ts';

/** Our own API, `fedctl.v1`. */
export const fedctlV1: Wire = {
  name: 'fedctl.v1',
  bindings: [
    ...sessionBindings,
    ...loginBindings,
    ...runBindings,
    ...accessBindings,
    ...supernodeBindings,
    ...federationBindings,
    ...invitationBindings,
  ],
  credentials: readCredentials,
  answers: {},
  unimplemented: {},
};
