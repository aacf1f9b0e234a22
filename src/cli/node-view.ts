import type { Supernode } from '../gen/fedctl/v1/supernodes.ts';
import { clockTime } from './duration.ts';
import { type ColumnOf, tableOf } from './layout.ts';
import type { Stdio } from './stdio.ts';
import { safeLine, safeText } from './text.ts';

/** flwr's keys, and ours. Times are RFC 3339 or null. */
export function nodeDocument(node: Supernode, now: string) {
  const time = (text: string) => (text === '' ? null : safeLine(text));
  return {
    'node-id': String(node.nodeId),
    'owner-name': safeLine(node.owner),
    status: safeLine(node.status),
    'created-at': time(node.registeredAt),
    'online-at': time(node.lastActivatedAt),
    'online-elapsed': node.status === 'online' ? secondsBetween(node.lastActivatedAt, now) : null,
    'offline-at': time(node.lastDeactivatedAt),
    'deleted-at': time(node.unregisteredAt),
    name: safeLine(node.name),
    location: safeLine(node.location),
    mine: node.mine,
    engine: safeLine(node.engine),
    federations: node.federations.map(safeLine),
    'public-key': node.publicKey.length === 0 ? null : safeText(Buffer.from(node.publicKey).toString('latin1')),
  };
}

/** Since when a SuperNode is what it is; "" where that is not known. */
function changedAt(node: Supernode): string {
  const times: Readonly<Record<string, string>> = {
    online: node.lastActivatedAt,
    offline: node.lastDeactivatedAt,
    registered: node.registeredAt,
    unregistered: node.unregisteredAt,
  };
  return times[node.status] ?? '';
}

function secondsBetween(start: string, end: string): number | null {
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : null;
}

function sinceText(node: Supernode, now: string): string {
  const seconds = secondsBetween(changedAt(node), now);
  return seconds === null ? '-' : clockTime(seconds);
}

export async function nodeTable(nodes: readonly Supernode[], now: string, stdio: Stdio): Promise<string[]> {
  const several = new Set(nodes.map(({ engine }) => engine)).size > 1;
  const columns: readonly ColumnOf<Supernode>[] = [
    { title: 'NODE ID', cell: ({ nodeId }) => String(nodeId) },
    { title: 'STATUS', cell: ({ status }) => status },
    { title: 'FOR', cell: (node) => sinceText(node, now) },
    { title: 'NAME', shrinks: true, drop: 2, cell: ({ name }) => name },
    { title: 'OWNER', shrinks: true, drop: 3, cell: ({ owner }) => owner },
    { title: 'ENGINE', drop: 4, cell: ({ engine }) => (several ? engine : '') },
    { title: 'FEDERATIONS', shrinks: true, drop: 1, cell: ({ federations }) => federations.join(', ') },
  ];
  return await tableOf(columns, nodes, stdio);
}
