import type { Wire } from './binding.ts';
import { readCredentials } from './credentials.ts';
import { accessBindings } from './fedctl-v1-access.ts';
import { runBindings } from './fedctl-v1-runs.ts';
import { sessionBindings } from './fedctl-v1-sessions.ts';
import { supernodeBindings } from './fedctl-v1-supernodes.ts';

/** Our own API, `fedctl.v1`. */
export const fedctlV1: Wire = {
  name: 'fedctl.v1',
  bindings: [...sessionBindings, ...runBindings, ...accessBindings, ...supernodeBindings],
  credentials: readCredentials,
  answers: {},
  unimplemented: {},
};
