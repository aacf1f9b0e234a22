import { AppError } from '../core/errors.ts';
import type { Federations, InvitationStore } from '../core/federations.ts';
import type { Nodes } from '../core/nodes.ts';
import type { Artifacts } from '../core/services.ts';

async function notYet(): Promise<never> {
  throw new AppError('UNIMPLEMENTED', 'NOT_SERVED', 'This is not served yet.');
}

/** Ports whose adapters are still to come. */
export function unserved(defaultFederation: string): {
  federations: Federations;
  invitations: InvitationStore;
  nodes: Nodes;
  artifacts: Artifacts;
} {
  const only = {
    id: defaultFederation,
    description: '',
    engine: 'default',
    simulation: false,
    simulationConfig: {},
    createdAt: 0,
    createdBy: '',
    archivedAt: undefined,
  };
  return {
    federations: {
      all: async () => [only],
      find: async (id) => (id === only.id ? only : undefined),
      create: notYet,
      change: notYet,
    },
    invitations: { insertInvitation: notYet, settleInvitation: notYet, invitations: notYet },
    nodes: { list: notYet, find: notYet, register: notYet, unregister: notYet },
    artifacts: { link: notYet },
  };
}
