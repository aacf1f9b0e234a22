import type { Federation } from '../../../core/federations.ts';
import { checkFederationId } from '../../../core/ids.ts';
import type { Caller } from '../../../core/services.ts';
import { type Call, callerOf, type Handlers, nodeOf, runOf, type Services } from '../call.ts';
import { federationNotFound } from '../decide.ts';
import type { RegisterNodeInput, SeenNode } from '../methods.ts';
import { listedFederations } from '../node-access.ts';
import { openFederation } from './federations/open.ts';

type NodeHandlers = Pick<Handlers, 'nodes.list' | 'nodes.register' | 'nodes.unregister' | 'runs.pull'>;

export const nodeHandlers: NodeHandlers = {
  async 'nodes.list'(services, call, { federation }) {
    const caller = callerOf(call);
    const listed = await listedFederations(caller.subject, services);
    const meant = federation === '' ? ofEngines(listed, services) : [named(federation, listed, services)];
    const engines = [...new Set(meant.map(({ engine }) => engine))];
    return { nodes: await seenNodes({ services, caller, engines, listed }), now: services.clock.now() };
  },

  'nodes.register': registerNode,

  async 'nodes.unregister'(services, call) {
    const { engine, node } = nodeOf(call);
    await services.nodes.unregister(engine, node.id);
    return {};
  },

  async 'runs.pull'(services, call) {
    const run = await services.runs.current(runOf(call).key);
    return services.artifacts.link(run, callerOf(call));
  },
};

/** SuperNodes of `engines` as the caller sees them, who may list the federations `listed`. */
export async function seenNodes({
  services,
  caller,
  engines,
  listed,
}: {
  services: Services;
  caller: Caller;
  engines: readonly string[];
  listed: readonly Federation[];
}): Promise<readonly SeenNode[]> {
  const found = await services.nodes.list(engines);
  return found.map(({ engine, node, row }) => {
    const federations = listed.filter((one) => one.engine === engine).map(({ id }) => id);
    const mine = row !== undefined && row.ownerAccountId === caller.account.id;
    // An engine serves all its federations with all its SuperNodes; whose they are is told within their federation.
    const isOwnerTold = row !== undefined && (mine || federations.includes(row.federation));
    return {
      node,
      engine,
      federations,
      ownerHandle: isOwnerTold ? row.ownerHandle : '',
      ownerAccountId: isOwnerTold ? row.ownerAccountId : '',
      mine,
      name: node.name || (row?.name ?? ''),
      location: node.location || (row?.location ?? ''),
    };
  });
}

/** Where all are meant, a federation whose engine was taken out of the configuration has no SuperNodes; it hides no others. */
function ofEngines(listed: readonly Federation[], { facts }: Services): readonly Federation[] {
  return listed.filter(({ engine }) => facts.engines.includes(engine));
}

function named(id: string, listed: readonly Federation[], services: Services): Federation {
  const federation = listed.find((one) => one.id === checkFederationId(id));
  if (federation) return federation;
  throw federationNotFound(id, services);
}

async function registerNode(services: Services, call: Call, { publicKey, name, location }: RegisterNodeInput) {
  const { account, subject } = callerOf(call);
  const { id, engine } = openFederation(call);
  const row = {
    engine,
    federation: id,
    ownerAccountId: account.id,
    owner: subject.principal,
    ownerHandle: account.handle,
    name,
    location,
    registeredAt: services.clock.now(),
  };
  return { nodeId: (await services.nodes.register(row, publicKey)).id };
}
