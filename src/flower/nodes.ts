import { type EngineNode, NODE_STATUSES, type NodeStatus } from '../core/nodes.ts';
import { plainText } from '../core/text.ts';
import type { NodeInfo } from '../gen/flwr/proto/node.ts';
import { fromWireTime } from './values.ts';

/** A SuperNode as the SuperLink tells it. @throws Error saying which field no SuperLink sends (security.md F-24) */
export function fromWireNode(node: NodeInfo): EngineNode {
  if (node.nodeId === 0n) throw new Error('node without an id');
  if (!isStatus(node.status)) throw new Error(`unknown node status ${JSON.stringify(node.status.slice(0, 40))}`);
  const { onlineUntil } = node;
  return {
    id: node.nodeId,
    status: node.status,
    registeredAt: fromWireTime(node.registeredAt),
    lastActivatedAt: fromWireTime(node.lastActivatedAt),
    lastDeactivatedAt: fromWireTime(node.lastDeactivatedAt),
    unregisteredAt: fromWireTime(node.unregisteredAt),
    // Seconds since the epoch on the wire.
    onlineUntil: onlineUntil !== undefined && onlineUntil > 0 ? Math.round(onlineUntil * 1000) : undefined,
    heartbeatInterval: Number.isFinite(node.heartbeatInterval) ? node.heartbeatInterval : 0,
    publicKey: node.publicKey,
    name: plainText(node.name ?? ''),
    location: plainText(node.location ?? ''),
  };
}

function isStatus(text: string): text is NodeStatus {
  return (NODE_STATUSES as readonly string[]).includes(text);
}
