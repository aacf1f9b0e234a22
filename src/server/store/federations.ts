import type { Selectable } from 'kysely';
import type { Federation, FederationStore } from '../../core/federations.ts';
import type { Databases } from './databases.ts';
import { configFromText, configToText } from './scalars.ts';
import type { FederationTable } from './schema.ts';

/** Frozen: everybody who asks gets the same one. */
function toFederation(row: Selectable<FederationTable>): Federation {
  return Object.freeze({
    id: row.id,
    description: row.description,
    engine: row.engine,
    simulation: row.simulation === 1,
    simulationConfig: Object.freeze(configFromText(row.simulation_config)),
    createdAt: row.created_at,
    createdBy: row.created_by,
    archivedAt: row.archived_at ?? undefined,
  });
}

function toRow(federation: Federation): FederationTable {
  return {
    id: federation.id,
    description: federation.description,
    engine: federation.engine,
    simulation: Number(federation.simulation),
    simulation_config: configToText(federation.simulationConfig),
    created_at: federation.createdAt,
    created_by: federation.createdBy,
    archived_at: federation.archivedAt ?? null,
  };
}

export function createFederationStore({ reader, writer }: Databases): FederationStore {
  return {
    async insertFederation(federation) {
      const { numInsertedOrUpdatedRows } = await writer
        .insertInto('federation')
        .values(toRow(federation))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows === 1n;
    },

    async federations() {
      const rows = await reader.selectFrom('federation').selectAll().orderBy('id').execute();
      return rows.map(toFederation);
    },

    async updateFederation(id, { engine, simulationConfig, archivedAt }) {
      const row = await writer
        .updateTable('federation')
        .set((eb) => ({
          archived_at: eb.fn.coalesce('archived_at', eb.val(archivedAt ?? null)),
          ...(engine === undefined ? {} : { engine }),
          ...(simulationConfig === undefined ? {} : { simulation_config: configToText(simulationConfig) }),
        }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      return row && toFederation(row);
    },
  };
}
