import type { Selectable } from 'kysely';
import type { NodeRow, NodeStore } from '../../core/nodes.ts';
import type { Databases } from './databases.ts';
import type { NodeTable } from './schema.ts';

function toNode(row: Selectable<NodeTable>): NodeRow {
  return {
    engine: row.engine,
    id: BigInt(row.id),
    federation: row.federation,
    ownerAccountId: row.owner_account_id,
    owner: row.owner,
    ownerHandle: row.owner_handle,
    name: row.name,
    location: row.location,
    registeredAt: row.registered_at,
    unregisteredAt: row.unregistered_at ?? undefined,
  };
}

function toRow(node: NodeRow): NodeTable {
  return {
    engine: node.engine,
    id: String(node.id),
    federation: node.federation,
    owner_account_id: node.ownerAccountId,
    owner: node.owner,
    owner_handle: node.ownerHandle,
    name: node.name,
    location: node.location,
    registered_at: node.registeredAt,
    unregistered_at: node.unregisteredAt ?? null,
  };
}

export function createNodeStore({ reader, writer }: Databases): NodeStore {
  return {
    async insertNode(node) {
      await writer.insertInto('supernode').values(toRow(node)).execute();
    },

    async nodeById(id) {
      const row = await reader
        .selectFrom('supernode')
        .selectAll()
        .where('id', '=', String(id))
        .orderBy('registered_at', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toNode(row);
    },

    async nodesOf(engines) {
      if (engines.length === 0) return [];
      const rows = await reader
        .selectFrom('supernode')
        .selectAll()
        .where('engine', 'in', engines)
        .orderBy('registered_at')
        .orderBy('id')
        .execute();
      return rows.map(toNode);
    },

    async markUnregistered(engine, id, now) {
      await writer
        .updateTable('supernode')
        .set({ unregistered_at: now })
        .where('engine', '=', engine)
        .where('id', '=', String(id))
        .where('unregistered_at', 'is', null)
        .execute();
    },
  };
}
