import type { Selectable } from 'kysely';
import type { LoginFlow, LoginStore } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { LoginTable } from './schema.ts';

function toFlow(row: Selectable<LoginTable>): LoginFlow {
  return {
    handleHash: row.handle_hash,
    issuerAlias: row.issuer_alias,
    sealedDeviceCode: row.sealed_device_code,
    expiresAt: row.expires_at,
    intervalMs: row.interval_ms,
    nextPollAt: row.next_poll_at,
    client: row.client,
    host: row.host,
    address: row.address,
  };
}

function toRow(flow: LoginFlow): LoginTable {
  return {
    handle_hash: flow.handleHash,
    issuer_alias: flow.issuerAlias,
    sealed_device_code: flow.sealedDeviceCode,
    expires_at: flow.expiresAt,
    interval_ms: flow.intervalMs,
    next_poll_at: flow.nextPollAt,
    client: flow.client,
    host: flow.host,
    address: flow.address,
  };
}

export function createLoginStore({ reader, writer }: Databases): LoginStore {
  return {
    async createLogin(flow) {
      await writer.insertInto('login_flow').values(toRow(flow)).execute();
    },

    async login(handleHash) {
      const row = await reader
        .selectFrom('login_flow')
        .selectAll()
        .where('handle_hash', '=', handleHash)
        .executeTakeFirst();
      return row && toFlow(row);
    },

    async claimPoll(handleHash, seen, next, intervalMs) {
      const { numUpdatedRows } = await writer
        .updateTable('login_flow')
        .set({ next_poll_at: next, interval_ms: intervalMs })
        .where('handle_hash', '=', handleHash)
        .where('next_poll_at', '=', seen)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async consumeLogin(handleHash) {
      const { numDeletedRows } = await writer
        .deleteFrom('login_flow')
        .where('handle_hash', '=', handleHash)
        .executeTakeFirstOrThrow();
      return numDeletedRows === 1n;
    },

    async countLogins(now) {
      const { count } = await reader
        .selectFrom('login_flow')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    async sweepLogins(now) {
      const { numDeletedRows } = await writer
        .deleteFrom('login_flow')
        .where('expires_at', '<=', now)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}
