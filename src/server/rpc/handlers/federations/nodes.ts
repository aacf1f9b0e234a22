import { AppError } from '../../../../core/errors.ts';
import { callerOf, federationOf, type Handlers } from '../../call.ts';
import { listedFederations, nodeNotFound } from '../../node-access.ts';

/** A SuperLink serves all its federations with all its SuperNodes: there is nothing to add and nothing to take. */
export const federationNodeHandlers: Pick<Handlers, 'federations.add-node' | 'federations.remove-node'> = {
  'federations.add-node': async (services, call, input) => {
    const { id, engine } = federationOf(call);
    // Both for each id: one that nobody knows takes as long as one that is somebody's.
    const listed = await listedFederations(callerOf(call).subject, services);
    const found = await services.nodes.find(input.nodeId);
    if (!found || found.node.status === 'unregistered') throw nodeNotFound(found?.unanswered);
    if (found.engine === engine) return {};
    // On an engine of which the caller may see nothing it does not exist.
    if (!listed.some((federation) => federation.engine === found.engine)) throw nodeNotFound(found.unanswered);
    const text = `This SuperNode is connected to another engine than the one that serves ${id}.`;
    throw new AppError('FAILED_PRECONDITION', 'NODE_ON_OTHER_ENGINE', text, {
      hint: "Connect it to that federation's SuperLink.",
    });
  },

  'federations.remove-node': async (_services, call) => {
    const text = `The SuperLink of ${federationOf(call).id} serves all its federations with all its SuperNodes: none is taken out of one of them.`;
    throw new AppError('FAILED_PRECONDITION', 'NODE_SERVES_ALL', text, {
      hint: 'Give the federation an engine of its own, or unregister the SuperNode.',
    });
  },
};
