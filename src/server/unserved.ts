import { AppError } from '../core/errors.ts';
import type { Nodes } from '../core/nodes.ts';
import type { Artifacts } from '../core/services.ts';

async function notYet(): Promise<never> {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This is not served yet.');
}

/** Ports whose adapters are still to come. */
export function unserved(): {
  nodes: Nodes;
  artifacts: Artifacts;
} {
  return {
    nodes: { list: notYet, find: notYet, register: notYet, unregister: notYet },
    artifacts: { link: notYet },
  };
}
