import { sql } from 'kysely';
import type { GrantIndex } from '../../core/access.ts';
import type { AccountStore } from '../../core/accounts.ts';
import type { AuditStore } from '../../core/audit.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { FederationStore, InvitationStore } from '../../core/federations.ts';
import type { Logger } from '../../core/log.ts';
import type { NodeStore } from '../../core/nodes.ts';
import type { BundleStore, LogStore, RunStore } from '../../core/runs.ts';
import type { KeyStore, LoginStore, MetaStore, OnceStore, RenewalStore, SessionStore } from '../../core/sessions.ts';
import { createAccountStore } from './accounts.ts';
import { createAuditStore } from './audit.ts';
import { createBundleStore } from './bundles.ts';
import type { Databases } from './databases.ts';
import { createFederationStore } from './federations.ts';
import { createGrantIndex } from './grants.ts';
import { createInvitationStore } from './invitations.ts';
import { createKeyStore } from './keys.ts';
import { createLoginStore } from './logins.ts';
import { createLogStore } from './logs.ts';
import { createMetaStore } from './meta.ts';
import { migrate } from './migrate.ts';
import { createNodeStore } from './nodes.ts';
import { createOnceStore } from './once.ts';
import { createRenewalStore } from './renewals.ts';
import { createRunStore } from './runs.ts';
import { createSessionStore } from './sessions.ts';
import { openSqlite } from './sqlite/open.ts';

/**
 * Everything that the server keeps. Every change is durable when it resolves, and seen by every later query, of any
 * process. Errors: UNAVAILABLE STORE_BUSY (another writer holds it too long), UNAVAILABLE STORE_UNAVAILABLE (disk full,
 * read-only, broken; nothing was changed), INTERNAL STORE_FAILED.
 */
export interface Store
  extends AccountStore,
    SessionStore,
    RenewalStore,
    LoginStore,
    KeyStore,
    MetaStore,
    GrantIndex,
    RunStore,
    BundleStore,
    LogStore,
    AuditStore,
    FederationStore,
    InvitationStore,
    NodeStore,
    OnceStore {
  /** Resolves when the store can be read and written. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** One kind of database, chosen by `kind`. */
export interface StoreOptions {
  readonly kind: 'sqlite';
  /** Database file; made, with mode 0600, where there is none. */
  readonly path: string;
  /** How long a write may wait for other writers; 5 s unless given. */
  readonly busyTimeoutMs?: number;
  readonly log: Logger;
  readonly clock?: Clock;
}

const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

const KINDS: Record<StoreOptions['kind'], (options: StoreOptions) => Promise<Databases>> = {
  sqlite: ({ path, log, busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS }) => openSqlite({ path, log, busyTimeoutMs }),
};

function createStore(databases: Databases, clock: Clock): Store {
  return {
    ...createAccountStore(databases),
    ...createSessionStore(databases),
    ...createRenewalStore(databases),
    ...createLoginStore(databases),
    ...createKeyStore(databases),
    ...createMetaStore(databases),
    ...createGrantIndex(databases),
    ...createRunStore(databases, clock),
    ...createBundleStore(databases),
    ...createLogStore(databases),
    ...createAuditStore(databases),
    ...createFederationStore(databases),
    ...createInvitationStore(databases),
    ...createNodeStore(databases),
    ...createOnceStore(databases),
    async probe() {
      await sql`select 1`.execute(databases.reader);
      // A write transaction that changes nothing: it needs the lock and a writable file, but not the disk.
      await databases.writer.transaction().execute((trx) => sql`select 1`.execute(trx));
    },
    close: () => databases.close(),
  };
}

/**
 * Opens the store and brings it to the newest schema.
 * @throws UNAVAILABLE STORE_UNAVAILABLE | STORE_BUSY, FAILED_PRECONDITION STORE_TOO_NEW
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { clock = systemClock, log, kind } = options;
  const databases = await KINDS[kind](options);
  try {
    await migrate(databases, { now: clock.now() });
  } catch (error) {
    await databases.close();
    throw error;
  }
  log.debug({ kind }, 'store opened');
  return createStore(databases, clock);
}
