import { randomUUID } from 'node:crypto';
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Account, AccountStore, Identity } from '../../core/accounts.ts';
import type { Databases } from './databases.ts';
import type { AccountTable, Schema } from './schema.ts';

const MAX_HANDLE = 64;
const MAX_FOUND = 20;
/** Handles tried with one query. */
const CANDIDATES = 50;

function toAccount(row: Selectable<AccountTable>): Account {
  return {
    id: row.id,
    kind: row.kind,
    issuer: row.issuer,
    issuerAlias: row.issuer_alias,
    subject: row.subject,
    handle: row.handle,
    displayName: row.display_name,
    email: row.email,
    createdAt: row.created_at,
    lastLoginAt: row.last_login_at,
  };
}

/** `[A-Za-z0-9_-]{1,64}`, never beginning with "-", which a shell command would take for an option. */
export function handleOf(preferredName: string): string {
  const name = preferredName
    .replace(/[^A-Za-z0-9_-]/gu, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_HANDLE);
  return name === '' ? 'user' : name;
}

/** The handle itself at 1; with `-2`, `-3`, ... after it, shortened where that would be too long. */
export function suffixedHandle(handle: string, count: number): string {
  const suffix = count === 1 ? '' : `-${count}`;
  return handle.slice(0, MAX_HANDLE - suffix.length) + suffix;
}

async function freeHandle(trx: Transaction<Schema>, wanted: string): Promise<string> {
  for (let first = 1; ; first += CANDIDATES) {
    const candidates = Array.from({ length: CANDIDATES }, (_, index) => suffixedHandle(wanted, first + index));
    const rows = await trx.selectFrom('account').select('handle').where('handle', 'in', candidates).execute();
    const taken = new Set(rows.map((row) => row.handle));
    const free = candidates.find((candidate) => !taken.has(candidate));
    if (free !== undefined) return free;
  }
}

function displayFields(identity: Identity, now: number) {
  return {
    issuer_alias: identity.issuerAlias,
    display_name: identity.displayName,
    email: identity.email,
    email_key: identity.email.toLowerCase(),
    last_login_at: now,
  };
}

async function upsert(trx: Transaction<Schema>, identity: Identity, now: number): Promise<Account> {
  const { kind, issuer, subject } = identity;
  const known = await trx
    .updateTable('account')
    .set(displayFields(identity, now))
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .returningAll()
    .executeTakeFirst();
  if (known !== undefined) return toAccount(known);
  const handle = await freeHandle(trx, handleOf(identity.preferredName));
  const row = { id: randomUUID(), kind, issuer, subject, handle, created_at: now, ...displayFields(identity, now) };
  await trx.insertInto('account').values(row).execute();
  return toAccount(row);
}

async function find(reader: Kysely<Schema>, query: Parameters<AccountStore['findAccounts']>[0]) {
  const accounts = reader.selectFrom('account').selectAll().orderBy('handle').limit(MAX_FOUND);
  if (!('text' in query)) {
    return accounts.where('issuer', '=', query.issuer).where('subject', '=', query.subject).execute();
  }
  const { text } = query;
  return accounts
    .where((eb) => eb.or([eb('handle', '=', text), eb('email_key', '=', text.toLowerCase()), eb('subject', '=', text)]))
    .execute();
}

export function createAccountStore({ reader, writer }: Databases): AccountStore {
  return {
    upsertAccount: (identity, now) => writer.transaction().execute((trx) => upsert(trx, identity, now)),

    async accountById(id) {
      const row = await reader.selectFrom('account').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toAccount(row);
    },

    async accountsByIds(ids) {
      if (ids.length === 0) return [];
      const rows = await reader.selectFrom('account').selectAll().where('id', 'in', ids).execute();
      return rows.map(toAccount);
    },

    async findAccounts(query) {
      const rows = await find(reader, query);
      return rows.map(toAccount);
    },
  };
}
