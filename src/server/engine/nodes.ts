import type { Engine } from '../../core/engine.ts';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { EngineNode } from '../../core/nodes.ts';
import { isFlowerFailure } from '../../flower/failure.ts';
import { isMethodUnknown } from '../../flower/grpc-errors.ts';
import { fromWireNode } from '../../flower/nodes.ts';
import { rpcs } from '../../flower/rpcs.ts';
import { shapesOf } from '../../flower/shapes.ts';
import type { EngineCalls } from './calls.ts';
import { nodeError, tooOld } from './errors.ts';

const DEADLINE_MS = 10_000;

export interface EngineNodesParts {
  readonly name: string;
  readonly calls: EngineCalls;
  readonly log: Logger;
}

/** The SuperNodes of an engine; its own account has registered them all. */
export function engineNodes({
  name,
  calls,
  log,
}: EngineNodesParts): Pick<Engine, 'listNodes' | 'registerNode' | 'unregisterNode'> {
  const failed = (error: unknown): never => {
    if (isFlowerFailure(error) && isMethodUnknown(error)) throw tooOld(name, error);
    throw nodeError(name, error);
  };

  async function listNodes(): Promise<readonly EngineNode[]> {
    const family = await calls.family().catch(failed);
    const { nodesInfo } = await calls
      .call(shapesOf(family).listNodes, {}, DEADLINE_MS)
      .catch((error: unknown) => (isSimulation(error) ? NO_NODES : failed(error)));
    const nodes: EngineNode[] = [];
    for (const wire of nodesInfo) {
      try {
        nodes.push(fromWireNode(wire));
      } catch (error) {
        // One unreadable node must not hide the others.
        log.warn({ engine: name, node: String(wire.nodeId), err: error }, 'engine node unreadable');
      }
    }
    return nodes;
  }

  return {
    listNodes,

    async registerNode({ publicKey, name: nodeName, location }) {
      const request = {
        publicKey: Buffer.from(publicKey),
        // Absent and empty are not the same to a SuperLink.
        location: location === '' ? undefined : location,
        name: nodeName === '' ? undefined : nodeName,
      };
      const { nodeId } = await calls.call(rpcs.registerNode, request, DEADLINE_MS).catch(failed);
      if (nodeId !== undefined && nodeId !== 0n) return nodeId;
      throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'The engine did not register the SuperNode.');
    },

    async unregisterNode(nodeId) {
      await calls.call(rpcs.unregisterNode, { nodeId }, DEADLINE_MS).catch(failed);
    },
  };
}

const NO_NODES = { nodesInfo: [] };

/** Up to 1.27 an engine that simulates its SuperNodes refuses the question; later ones answer that there are none. */
function isSimulation(error: unknown): boolean {
  return isFlowerFailure(error) && error.kind === 'refused' && /not available in simulation mode/.test(error.text);
}
