import { type Expression, type Kysely, type SqlBool, sql } from 'kysely';
import type { Run, RunFilter } from '../../core/runs.ts';
import { toRun } from './run-rows.ts';
import type { Schema } from './schema.ts';

type Cursor = { readonly createdAt: number; readonly key: string };

interface Page {
  readonly db: Kysely<Schema>;
  readonly filter: RunFilter;
  readonly limit: number;
  readonly before: Cursor | undefined;
  readonly now: number;
}

/** SQLite joins at most 500 selects with UNION. */
const BRANCHES_PER_QUERY = 200;
/** So many ids with a prefix are looked at one by one; where there are more, a walk by time meets them soon enough. */
const FEW = 2000;

/** What a branch adds to the walk along one index. */
type Condition = Expression<SqlBool>;

/** Newest first, from below the cursor. Every branch is one walk along one index that ends after `limit` rows. */
function runBranch({ db, filter, limit, before }: Page, conditions: readonly Condition[]) {
  return db
    .selectFrom('run')
    .select(['run.created_at as created_at', 'run.key as key'])
    .where((eb) => eb.and([...conditions]))
    .$if(filter.all !== true, (qb) => qb.where('run.id', 'is not', null).where('run.quarantined', '=', 0))
    .$if(before !== undefined, (qb) => qb.where(below('run.created_at', 'run.key', before)))
    .orderBy('run.created_at', 'desc')
    .orderBy('run.key', 'desc')
    .limit(limit);
}

function below(time: string, key: string, before: Cursor | undefined): Condition {
  return sql<SqlBool>`(${sql.ref(time)}, ${sql.ref(key)}) < (${before?.createdAt}, ${before?.key})`;
}

/** Runs shared with one principal, in the order of its grants' index; two roles on one run count once. */
function sharedBranch({ db, limit, before, now }: Page, principal: string, conditions: readonly Condition[]) {
  return db
    .selectFrom('run_grant as granted')
    .innerJoin('run', 'run.key', 'granted.run_key')
    .select(['granted.run_created_at as created_at', 'granted.run_key as key'])
    .distinct()
    .where('granted.principal', '=', principal)
    .where((eb) => eb.or([eb('granted.until', 'is', null), eb('granted.until', '>', now)]))
    .where('run.quarantined', '=', 0)
    .where((eb) => eb.and([...conditions]))
    .$if(before !== undefined, (qb) => qb.where(below('granted.run_created_at', 'granted.run_key', before)))
    .orderBy('granted.run_created_at', 'desc')
    .orderBy('granted.run_key', 'desc')
    .limit(limit)
    .$narrowType<{ created_at: number; key: string }>();
}

const equal = (column: 'owner_account_id' | 'federation', value: string): Condition =>
  sql`${sql.ref(`run.${column}`)} = ${value}`;

/** ':' is the character after '9': the range is the prefix. Found by the index on ids. */
const hasPrefix = (prefix: string): Condition => sql`(run.id >= ${prefix} and run.id < ${`${prefix}:`})`;

/** The same, kept from the index on ids: a walk by time must not become a sort of everything with the prefix. */
const showsPrefix = (prefix: string): Condition =>
  sql`((run.id || '') >= ${prefix} and (run.id || '') < ${`${prefix}:`})`;

function branchesOf(page: Page) {
  const { ownerAccountId, federations = [], sharedWith = [], federation, idPrefix, all } = page.filter;
  const narrow = [
    ...(federation === undefined ? [] : [equal('federation', federation)]),
    ...(idPrefix === undefined ? [] : [showsPrefix(idPrefix)]),
  ];
  if (all === true) return [runBranch(page, narrow)];
  const visible = new Set(federations.filter((id) => id === (federation ?? id)));
  const owner = ownerAccountId === undefined ? [] : [ownerAccountId];
  return [
    ...owner.map((id) => runBranch(page, [equal('owner_account_id', id), ...narrow])),
    ...[...visible].map((id) => runBranch(page, [equal('federation', id), ...narrow])),
    ...[...new Set(sharedWith)].map((principal) => sharedBranch(page, principal, narrow)),
  ];
}

type Branch = ReturnType<typeof branchesOf>[number];

async function newestOf(db: Kysely<Schema>, branches: readonly Branch[], limit: number) {
  const [first, ...others] = branches.map((branch, index) =>
    db.selectFrom(branch.as(`branch_${index}`)).select(['created_at', 'key']),
  );
  if (first === undefined) return [];
  const all = others.reduce((joined, branch) => joined.union(branch), first);
  return all.orderBy('created_at', 'desc').orderBy('key', 'desc').limit(limit).execute();
}

async function keysOfPage(page: Page): Promise<readonly string[]> {
  const branches = branchesOf(page);
  const found = new Map<string, number>();
  for (let from = 0; from < branches.length; from += BRANCHES_PER_QUERY) {
    const rows = await newestOf(page.db, branches.slice(from, from + BRANCHES_PER_QUERY), page.limit);
    for (const row of rows) found.set(row.key, row.created_at);
  }
  return [...found]
    .sort(([keyA, a], [keyB, b]) => b - a || (keyA < keyB ? 1 : -1))
    .slice(0, page.limit)
    .map(([key]) => key);
}

/** Runs that a grant in force names for one of the filter's principals; undefined where there are none. */
function sharedIds({ db, filter, now }: Page) {
  const principals = filter.sharedWith ?? [];
  if (principals.length === 0) return undefined;
  return db
    .selectFrom('run_grant')
    .select('run_id')
    .where('principal', 'in', principals)
    .where((eb) => eb.or([eb('until', 'is', null), eb('until', '>', now)]));
}

async function isRare({ db }: Page, prefix: string): Promise<boolean> {
  const rows = await db.selectFrom('run').select('id').where(hasPrefix(prefix)).limit(1).offset(FEW).execute();
  return rows.length === 0;
}

/** Found by their ids first, whatever the planner thinks of the other conditions. */
function keysByPrefix(page: Page, prefix: string): Promise<{ key: string }[]> {
  const { db, filter, limit, before } = page;
  const { ownerAccountId, federations = [] } = filter;
  const shared = sharedIds(page);
  return db
    .with(
      (cte) => cte('candidate').materialized(),
      (qb) => qb.selectFrom('run').selectAll().where(hasPrefix(prefix)),
    )
    .selectFrom('candidate')
    .select('key')
    .$if(filter.all !== true, (qb) =>
      qb
        .where('quarantined', '=', 0)
        .where((eb) =>
          eb.or([
            ...(ownerAccountId === undefined ? [] : [eb('owner_account_id', '=', ownerAccountId)]),
            ...(federations.length === 0 ? [] : [eb('federation', 'in', federations)]),
            ...(shared === undefined ? [] : [eb('id', 'in', shared)]),
          ]),
        ),
    )
    .$if(filter.federation !== undefined, (qb) => qb.where('federation', '=', filter.federation ?? ''))
    .$if(before !== undefined, (qb) => qb.where(below('created_at', 'key', before)))
    .orderBy('created_at', 'desc')
    .orderBy('key', 'desc')
    .limit(limit)
    .execute();
}

/** Groups that are granted runs here; there are few, and each is one more walk along an index. */
async function withLocalGroups(page: Page): Promise<Page> {
  const { db, filter } = page;
  if (!filter.sharedWithLocalGroups || filter.all === true) return page;
  const rows = await db
    .selectFrom('run_grant')
    .select('principal')
    .distinct()
    // '}' is the character after '|': the range is the prefix, found along the index.
    .where('principal', '>=', 'group:local|')
    .where('principal', '<', 'group:local}')
    .execute();
  const sharedWith = [...(filter.sharedWith ?? []), ...rows.map((row) => row.principal)];
  return { ...page, filter: { ...filter, sharedWith } };
}

/** One page of `RunStore.listRuns`: first the keys, along indexes, then the rows. */
export async function listRuns(asked: Page): Promise<readonly Run[]> {
  const page = await withLocalGroups(asked);
  const { idPrefix } = page.filter;
  const rare = idPrefix !== undefined && (await isRare(page, idPrefix));
  const keys = rare ? (await keysByPrefix(page, idPrefix)).map((row) => row.key) : await keysOfPage(page);
  if (keys.length === 0) return [];
  const rows = await page.db
    .selectFrom('run')
    .selectAll()
    .where('key', 'in', keys)
    .orderBy('created_at', 'desc')
    .orderBy('key', 'desc')
    .execute();
  return rows.map(toRun);
}
