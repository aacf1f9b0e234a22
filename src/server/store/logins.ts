import type { Selectable, Updateable } from 'kysely';
import type { LoginFlow, LoginState, LoginStep, LoginStore } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { LoginTable } from './schema.ts';

function toFlow(row: Selectable<LoginTable>): LoginFlow {
  return {
    handleHash: row.handle_hash,
    kind: row.kind,
    state: row.state,
    issuerAlias: row.issuer_alias,
    sealedDeviceCode: row.sealed_device_code,
    sealedRequest: row.sealed_request,
    sealedResult: row.sealed_result ?? undefined,
    failure: row.failure,
    userCode: row.user_code ?? undefined,
    stateHash: row.state_hash ?? undefined,
    browserHash: row.browser_hash ?? undefined,
    startedAt: row.started_at,
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
    kind: flow.kind,
    state: flow.state,
    issuer_alias: flow.issuerAlias,
    sealed_device_code: flow.sealedDeviceCode,
    sealed_request: flow.sealedRequest,
    sealed_result: flow.sealedResult ?? null,
    failure: flow.failure,
    user_code: flow.userCode ?? null,
    state_hash: flow.stateHash ?? null,
    browser_hash: flow.browserHash ?? null,
    started_at: flow.startedAt,
    expires_at: flow.expiresAt,
    interval_ms: flow.intervalMs,
    next_poll_at: flow.nextPollAt,
    client: flow.client,
    host: flow.host,
    address: flow.address,
  };
}

/** Columns that a step names; the others stay. */
function toChange(step: LoginStep): Updateable<LoginTable> {
  const named = {
    state: step.state,
    state_hash: step.stateHash,
    browser_hash: step.browserHash,
    sealed_request: step.sealedRequest,
    sealed_result: step.sealedResult,
    failure: step.failure,
    expires_at: step.expiresAt,
    next_poll_at: step.nextPollAt,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

const OPEN: readonly LoginState[] = ['pending', 'confirmed', 'redeeming'];

export function createLoginStore({ reader, writer }: Databases): LoginStore {
  const flowBy = async (column: 'handle_hash' | 'user_code' | 'state_hash', value: string) => {
    const row = await reader.selectFrom('login_flow').selectAll().where(column, '=', value).executeTakeFirst();
    return row && toFlow(row);
  };
  return {
    async createLogin(flow) {
      await writer.insertInto('login_flow').values(toRow(flow)).execute();
    },

    login: (handleHash) => flowBy('handle_hash', handleHash),
    loginByUserCode: (userCode) => flowBy('user_code', userCode),
    loginByState: (stateHash) => flowBy('state_hash', stateHash),

    async advanceLogin({ handleHash, state, stateHash }, step) {
      const { numUpdatedRows } = await writer
        .updateTable('login_flow')
        .set(toChange(step))
        .where('handle_hash', '=', handleHash)
        .where('state', '=', state)
        .where('state_hash', stateHash === undefined ? 'is' : '=', stateHash ?? null)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async openLogins(handleHashes) {
      if (handleHashes.length === 0) return new Set();
      const rows = await reader
        .selectFrom('login_flow')
        .select('handle_hash')
        .where('handle_hash', 'in', handleHashes)
        .where('state', 'in', OPEN)
        .execute();
      return new Set(rows.map((row) => row.handle_hash));
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
      const rows = await reader
        .selectFrom('login_flow')
        .select(['address', (eb) => eb.fn.countAll<number>().as('count')])
        .where('expires_at', '>', now)
        .groupBy('address')
        .execute();
      return new Map(rows.map(({ address, count }) => [address, Number(count)]));
    },

    async approvedLogins(issuerAlias, now) {
      const rows = await reader
        .selectFrom('login_flow')
        .selectAll()
        .where('state', '=', 'approved')
        .where('issuer_alias', '=', issuerAlias)
        .where('expires_at', '>', now)
        .execute();
      return rows.map(toFlow);
    },

    async takeUnfetched(now) {
      const rows = await writer
        .deleteFrom('login_flow')
        .where('state', '=', 'approved')
        .where('expires_at', '<=', now)
        .returningAll()
        .execute();
      return rows.map(toFlow);
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
