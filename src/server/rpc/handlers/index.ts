import type { Handlers } from '../call.ts';
import { accessHandlers } from './access.ts';
import { federationHandlers } from './federations.ts';
import { loginHandlers } from './login.ts';
import { nodeHandlers } from './nodes.ts';
import { runHandlers } from './runs.ts';
import { sessionHandlers } from './sessions.ts';

/** A handler for every method; a missing one does not compile. */
export const handlers: Handlers = {
  ...sessionHandlers,
  ...loginHandlers,
  ...runHandlers,
  ...accessHandlers,
  ...federationHandlers,
  ...nodeHandlers,
};
