import type { Selectable, Transaction } from 'kysely';
import { type NewSession, type Session, type SessionStore, UNAUDITED } from '../../core/sessions.ts';
import type { Databases } from './databases.ts';
import type { Schema, SessionTable } from './schema.ts';

const FIRST_GENERATION = 1;
/** So long a token whose session was ended before its time is kept out, whatever its own life. */
const KEPT_OUT_MS = 365 * 24 * 3600_000;

function toSession(row: Selectable<SessionTable>): Session {
  return {
    id: row.id,
    accountId: row.account_id,
    createdAt: row.created_at,
    renewedAt: row.renewed_at,
    expiresAt: row.expires_at,
    idleMs: row.idle_ms,
    authTime: row.auth_time,
    groups: JSON.parse(row.groups),
    client: row.client,
    host: row.host,
    address: row.address,
    sealedProviderToken: row.sealed_provider_token ?? undefined,
    sealedPair: row.sealed_pair,
    origin: row.origin,
    providerSid: row.provider_sid,
    acr: row.acr,
    sealedIdToken: row.sealed_id_token ?? undefined,
    sealedProviderAccess: row.sealed_provider_access ?? undefined,
    exchangeHash: row.exchange_hash ?? undefined,
    scopes: row.scopes === null ? undefined : JSON.parse(row.scopes),
    generation: row.generation,
    seenGeneration: row.seen_generation,
    revokedAt: row.revoked_at ?? undefined,
    revokedReason: row.revoked_reason,
  };
}

function toRow(session: NewSession): SessionTable {
  return {
    id: session.id,
    account_id: session.accountId,
    created_at: session.createdAt,
    renewed_at: session.createdAt,
    expires_at: session.expiresAt,
    idle_ms: session.idleMs,
    ends_at: Math.min(session.expiresAt, session.createdAt + session.idleMs),
    auth_time: session.authTime,
    groups: JSON.stringify(session.groups),
    client: session.client,
    host: session.host,
    address: session.address,
    sealed_provider_token: session.sealedProviderToken ?? null,
    sealed_pair: session.sealedPair,
    generation: FIRST_GENERATION,
    seen_generation: 0,
    revoked_at: null,
    revoked_reason: '',
    lease_holder: null,
    lease_until: null,
    origin: session.origin,
    provider_sid: session.providerSid,
    acr: session.acr,
    sealed_id_token: session.sealedIdToken ?? null,
    sealed_provider_access: session.sealedProviderAccess ?? null,
    exchange_hash: session.exchangeHash ?? null,
    scopes: session.scopes === undefined ? null : JSON.stringify(session.scopes),
  };
}

/** A token that outlives its session, or whose session never came to be, may have a next one; one whose session was ended before its time may not. */
async function freeExchange(trx: Transaction<Schema>, { exchangeHash, createdAt }: NewSession): Promise<void> {
  if (exchangeHash === undefined) return;
  await trx
    .updateTable('session')
    .set({ exchange_hash: null })
    .where('exchange_hash', '=', exchangeHash)
    .where('ends_at', '<=', createdAt)
    .where((eb) => eb.or([eb('revoked_at', 'is', null), eb('revoked_reason', '=', UNAUDITED)]))
    .execute();
}

/** A new session has generation 1, which nobody has seen yet. */
export function createSessionStore({ reader, writer }: Databases): SessionStore {
  return {
    createSession: (session, refreshHash) =>
      writer.transaction().execute(async (trx) => {
        await freeExchange(trx, session);
        await trx.insertInto('session').values(toRow(session)).execute();
        if (refreshHash === undefined) return;
        await trx
          .insertInto('refresh_token')
          .values({ hash: refreshHash, session_id: session.id, generation: FIRST_GENERATION, superseded_at: null })
          .execute();
      }),

    async sessionById(id) {
      const row = await reader.selectFrom('session').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toSession(row);
    },

    async sessionByExchange(exchangeHash) {
      const row = await reader
        .selectFrom('session')
        .selectAll()
        .where('exchange_hash', '=', exchangeHash)
        .executeTakeFirst();
      return row && toSession(row);
    },

    async liveSessions({ accountId, origin, providerSid }, now) {
      let query = reader
        .selectFrom('session')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('ends_at', '>', now);
      if (origin !== undefined) query = query.where('origin', '=', origin);
      if (providerSid !== undefined) query = query.where('provider_sid', '=', providerSid);
      return (await query.orderBy('created_at').orderBy('id').execute()).map(toSession);
    },

    async accountsOfProviderSid(origin, providerSid, now) {
      const rows = await reader
        .selectFrom('session')
        .select('account_id')
        .distinct()
        .where('provider_sid', '=', providerSid)
        .where('origin', '=', origin)
        .where('ends_at', '>', now)
        .execute();
      return rows.map((row) => row.account_id);
    },

    async refreshToken(hash) {
      const row = await reader.selectFrom('refresh_token').selectAll().where('hash', '=', hash).executeTakeFirst();
      return (
        row && {
          hash: row.hash,
          sessionId: row.session_id,
          generation: row.generation,
          supersededAt: row.superseded_at ?? undefined,
        }
      );
    },

    async markSeen(id, generation) {
      // Asked with every call, news once per generation: look before writing.
      const session = await reader
        .selectFrom('session')
        .select('seen_generation')
        .where('id', '=', id)
        .executeTakeFirst();
      if (session === undefined || session.seen_generation >= generation) return;
      await writer
        .updateTable('session')
        .set({ seen_generation: generation })
        .where('id', '=', id)
        .where('seen_generation', '<', generation)
        .execute();
    },

    async revokeSession(id, reason, now) {
      const { numUpdatedRows } = await writer
        .updateTable('session')
        .set((eb) => ({
          revoked_at: now,
          revoked_reason: reason,
          ends_at: eb.case().when('ends_at', '<', now).then(eb.ref('ends_at')).else(now).end(),
        }))
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async sweepSessions(before) {
      const { numDeletedRows } = await writer
        .deleteFrom('session')
        .where('ends_at', '<', before)
        .where((eb) =>
          eb.or([
            eb('exchange_hash', 'is', null),
            eb('revoked_at', 'is', null),
            eb('ends_at', '<', before - KEPT_OUT_MS),
          ]),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}
