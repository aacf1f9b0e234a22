import { randomBytes, randomUUID } from 'node:crypto';
import type { Account } from '../src/core/accounts.ts';
import { silentLogger } from '../src/core/log.ts';
import { userPrincipal } from '../src/core/principals.ts';
import type { Run } from '../src/core/runs.ts';
import { openStore } from '../src/server/store/index.ts';
import { toRow } from '../src/server/store/run-rows.ts';
import { openSqlite } from '../src/server/store/sqlite/open.ts';

const ROWS_PER_STATEMENT = 500;
const MINUTE = 60_000;

/** Inserts `count` runs of the account with that name, a minute apart; returns the ids, newest first. */
export async function insertRuns(options: {
  database: string;
  handle: string;
  federation: string;
  count: number;
  now: number;
  /** Default: all of them have ended. */
  areUnderWay?: boolean;
}): Promise<readonly bigint[]> {
  const { database, handle, count, areUnderWay = false } = options;
  const account = await findAccount(database, handle);
  const runs = Array.from({ length: count }, (_, age) => {
    const run = finishedRun(account, options, age);
    return areUnderWay ? { ...run, ...UNDER_WAY } : run;
  });
  const { writer, close } = await openSqlite({ path: database, busyTimeoutMs: 5_000, log: silentLogger });
  try {
    for (let from = 0; from < count; from += ROWS_PER_STATEMENT) {
      // Not open: the server has nothing to do for them.
      const rows = runs.slice(from, from + ROWS_PER_STATEMENT).map((run) => ({ ...toRow(run), is_open: 0 }));
      await writer.insertInto('run').values(rows).execute();
    }
  } finally {
    await close();
  }
  return runs.map((run) => run.id ?? 0n);
}

const UNDER_WAY = { status: 'running', reason: '', finishedAt: undefined } as const;

/** Runs of one account as the server reads them: through a store of their own, with what it remembers. */
export interface Reader {
  newest(count: number): Promise<readonly Run[]>;
  close(): Promise<void>;
}

export async function openReader(options: { database: string; handle: string }): Promise<Reader> {
  const { id } = await findAccount(options.database, options.handle);
  const store = await openStore({ kind: 'sqlite', path: options.database, log: silentLogger });
  return {
    newest: (count) => store.listRuns({ ownerAccountId: id }, count),
    close: () => store.close(),
  };
}

async function findAccount(database: string, handle: string): Promise<Account> {
  const store = await openStore({ kind: 'sqlite', path: database, log: silentLogger });
  try {
    const [account] = await store.findAccounts({ text: handle });
    if (account === undefined) throw new Error(`there is no account ${handle}`);
    return account;
  } finally {
    await store.close();
  }
}

function finishedRun(account: Account, { federation, now }: { federation: string; now: number }, age: number): Run {
  const createdAt = now - age * MINUTE;
  return {
    key: randomUUID(),
    id: randomBytes(8).readBigUInt64BE(),
    requestId: randomUUID(),
    engine: 'past',
    federation,
    ownerAccountId: account.id,
    owner: userPrincipal(account.issuerAlias, account.subject),
    ownerHandle: account.handle,
    app: 'lab/mnist',
    appVersion: '1.4.2',
    bundleSha256: randomBytes(32).toString('hex'),
    status: 'finished:completed',
    reason: 'The run has completed.',
    createdAt,
    startingAt: createdAt + 900,
    runningAt: createdAt + 2_400,
    finishedAt: createdAt + 51_000,
    quarantined: false,
    stopRequestedAt: undefined,
  };
}
