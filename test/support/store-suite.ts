import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Clock } from '../../src/core/clock.ts';
import type { Store } from '../../src/server/store/index.ts';
import { describeAccounts } from './store-suite/accounts.ts';
import { describeAudit } from './store-suite/audit.ts';
import { describeBundles } from './store-suite/bundles.ts';
import { describeFederations } from './store-suite/federations.ts';
import { describeGrants } from './store-suite/grants.ts';
import { describeInvitations } from './store-suite/invitations.ts';
import { describeKeys } from './store-suite/keys.ts';
import { describeLogins } from './store-suite/logins.ts';
import { describeLogs } from './store-suite/logs.ts';
import { describeNodes } from './store-suite/nodes.ts';
import { describeOnce } from './store-suite/once.ts';
import { describeRunList } from './store-suite/run-list.ts';
import { describeRuns } from './store-suite/runs.ts';
import { describeSessions } from './store-suite/sessions.ts';

/** An empty database. Each `open` is one more server on it. */
export interface TestDatabase {
  open(options: { clock: Clock }): Promise<Store>;
  drop(): Promise<void>;
}

/** What every test of the suite works with. */
export interface StoreContext {
  readonly store: Store;
  /** A second server on the same database. */
  readonly replica: Store;
  /** Time as both stores see it; tests move it. */
  readonly clock: Clock & { time: number };
}

const AREAS = {
  accounts: describeAccounts,
  sessions: describeSessions,
  logins: describeLogins,
  'keys and named values': describeKeys,
  'what counts once': describeOnce,
  runs: describeRuns,
  'run lists': describeRunList,
  'run grants': describeGrants,
  bundles: describeBundles,
  logs: describeLogs,
  audit: describeAudit,
  federations: describeFederations,
  invitations: describeInvitations,
  SuperNodes: describeNodes,
};

function manualClock(): StoreContext['clock'] {
  const clock = { time: 1_700_000_000_000, now: () => clock.time, monotonic: () => clock.time };
  return clock;
}

/** The definition of a store: every kind of database passes this. One database per area; tests use ids of their own. */
export function describeStore(name: string, create: () => Promise<TestDatabase>): void {
  describe(name, () => {
    for (const [area, describeArea] of Object.entries(AREAS)) {
      describe(area, () => {
        let database: TestDatabase;
        let context: StoreContext;

        beforeAll(async () => {
          database = await create();
          const clock = manualClock();
          // At the same time: the schema is made once.
          const [store, replica] = await Promise.all([database.open({ clock }), database.open({ clock })]);
          context = { store, replica, clock };
        });
        afterAll(async () => {
          await context.store.close();
          await context.replica.close();
          await database.drop();
        });

        describeArea(() => context);
      });
    }
  });
}
