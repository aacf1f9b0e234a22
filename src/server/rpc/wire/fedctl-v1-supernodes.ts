import * as proto from '../../../gen/fedctl/v1/supernodes.ts';
import type { SeenNode } from '../methods.ts';
import { type Binding, bind, KiB } from './binding.ts';
import { one } from './fedctl-v1-sessions.ts';
import { rfc3339 } from './times.ts';

const SERVICE = '/fedctl.v1.Supernodes';
const unary = { kind: 'unary', maxBytes: 64 * KiB } as const;

export const supernodeBindings: readonly Binding[] = [
  bind<'nodes.list'>({
    ...unary,
    path: `${SERVICE}/ListSupernodes`,
    method: 'nodes.list',
    decode: ([message]) => proto.ListSupernodesRequest.decode(one(message)),
    encode: ({ nodes, now }) =>
      proto.ListSupernodesResponse.encode({ supernodes: nodes.map(nodeToWire), now: rfc3339(now) }).finish(),
  }),
  bind<'nodes.register'>({
    ...unary,
    path: `${SERVICE}/RegisterSupernode`,
    method: 'nodes.register',
    decode: ([message]) => proto.RegisterSupernodeRequest.decode(one(message)),
    encode: (output) => proto.RegisterSupernodeResponse.encode(output).finish(),
  }),
  bind<'nodes.unregister'>({
    ...unary,
    path: `${SERVICE}/UnregisterSupernode`,
    method: 'nodes.unregister',
    decode: ([message]) => proto.UnregisterSupernodeRequest.decode(one(message)),
    encode: () => proto.UnregisterSupernodeResponse.encode({}).finish(),
  }),
];

/** A SuperNode as fedctl.v1 writes it, in lists of SuperNodes and in a federation's details. */
export function nodeToWire(seen: SeenNode): proto.Supernode {
  const { node } = seen;
  return {
    nodeId: node.id,
    status: node.status,
    engine: seen.engine,
    federations: [...seen.federations],
    owner: seen.ownerHandle,
    mine: seen.mine,
    registeredAt: rfc3339(node.registeredAt),
    lastActivatedAt: rfc3339(node.lastActivatedAt),
    lastDeactivatedAt: rfc3339(node.lastDeactivatedAt),
    unregisteredAt: rfc3339(node.unregisteredAt),
    publicKey: Buffer.from(node.publicKey),
    name: seen.name,
    location: seen.location,
  };
}
