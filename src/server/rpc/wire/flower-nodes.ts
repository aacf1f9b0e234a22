import * as proto from '../../../gen/flwr/proto/control.ts';
import type { NodeInfo } from '../../../gen/flwr/proto/node.ts';
import type { SeenNode } from '../methods.ts';
import { KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { type FlowerCalls, flowerCall } from './flower-calls.ts';
import { flowerTime } from './times.ts';

const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

export const nodeCalls: FlowerCalls = {
  ListNodes: flowerCall<'nodes.list'>({
    ...unary,
    method: 'nodes.list',
    decode: ([message]) => {
      proto.ListNodesRequest.decode(one(message));
      return { federation: '' };
    },
    encode: ({ nodes, now }) =>
      proto.ListNodesResponse.encode({ nodesInfo: nodes.map(toFlowerNode), now: flowerTime(now) }).finish(),
  }),
  RegisterNode: flowerCall<'nodes.register'>({
    ...unary,
    method: 'nodes.register',
    decode: ([message]) => {
      const { publicKey, name = '', location = '' } = proto.RegisterNodeRequest.decode(one(message));
      return { federation: '', publicKey, name, location };
    },
    encode: ({ nodeId }) => proto.RegisterNodeResponse.encode({ nodeId }).finish(),
  }),
  UnregisterNode: flowerCall<'nodes.unregister'>({
    ...unary,
    method: 'nodes.unregister',
    decode: ([message]) => proto.UnregisterNodeRequest.decode(one(message)),
    encode: () => proto.UnregisterNodeResponse.encode({}).finish(),
  }),
};

/**
 * A SuperNode in the numbering of 1.24 and later. flwr sorts by `registered_at`, and fails as a whole without one:
 * a node whose engine tells none was there from the start of all time.
 */
export function toFlowerNode({ node, ownerHandle, ownerAccountId, name, location }: SeenNode): NodeInfo {
  return {
    nodeId: node.id,
    ownerAid: ownerAccountId,
    ownerName: ownerHandle,
    status: node.status,
    registeredAt: flowerTime(node.registeredAt ?? node.lastActivatedAt ?? 0),
    lastActivatedAt: reached(node.lastActivatedAt),
    lastDeactivatedAt: reached(node.lastDeactivatedAt),
    unregisteredAt: reached(node.unregisteredAt),
    onlineUntil: node.onlineUntil === undefined ? undefined : node.onlineUntil / 1000,
    heartbeatInterval: node.heartbeatInterval,
    publicKey: Buffer.from(node.publicKey),
    location: location || undefined,
    name: name || undefined,
  };
}

function reached(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : flowerTime(ms);
}
