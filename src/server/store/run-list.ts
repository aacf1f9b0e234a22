import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import type { Run, RunFilter } from '../../core/runs.ts';
import { type KnownRuns, runsOfKeys } from './known-runs.ts';
import { toRun } from './run-rows.ts';
import type { RunTable, Schema } from './schema.ts';

type Cursor = { readonly createdAt: number; readonly key: string };

interface Page {
  readonly db: Kysely<Schema>;
  readonly filter: RunFilter;
  readonly limit: number;
  readonly before: Cursor | undefined;
  readonly now: number;
  readonly known: KnownRuns;
}

/** SQLite joins at most 500 selects with UNION. */
const BRANCHES_PER_UNION = 200;
/** So many ids with a prefix are looked at one by one; where there are more, a walk by time meets them soon enough. */
const FEW = 2000;

/** What a branch adds to the walk along one index. */
type Condition = RawBuilder<SqlBool>;
/** A select of `created_at` and `key`. SQL text, because every `ls` asks for it: kysely's builder costs more than the answer. */
type Branch = RawBuilder<unknown>;

const and = (conditions: readonly Condition[]): Condition => sql`${sql.join(conditions, sql` and `)}`;

/** Newest first, from below the cursor. Every branch is one walk along one index that ends after `limit` rows. */
function runBranch({ filter, limit, before }: Page, conditions: readonly Condition[]): Branch {
  const shown = filter.all === true ? sql<SqlBool>`1 = 1` : sql<SqlBool>`run.id is not null and run.quarantined = 0`;
  return sql`select run.created_at, run.key from run
    where ${and([shown, ...conditions, ...below('run.created_at', 'run.key', before)])}
    order by run.created_at desc, run.key desc limit ${limit}`;
}

function below(time: string, key: string, before: Cursor | undefined): readonly Condition[] {
  if (before === undefined) return [];
  return [sql`(${sql.ref(time)}, ${sql.ref(key)}) < (${before.createdAt}, ${before.key})`];
}

/** Runs shared with one principal, in the order of its grants' index; two roles on one run count once. */
function sharedBranch({ limit, before, now }: Page, principal: string, conditions: readonly Condition[]): Branch {
  const time = sql<SqlBool>`(granted.until is null or granted.until > ${now})`;
  const from = below('granted.run_created_at', 'granted.run_key', before);
  return sql`select distinct granted.run_created_at as created_at, granted.run_key as key
    from run_grant as granted inner join run on run.key = granted.run_key
    where granted.principal = ${principal} and run.quarantined = 0 and ${and([time, ...conditions, ...from])}
    order by granted.run_created_at desc, granted.run_key desc limit ${limit}`;
}

const equal = (column: 'owner_account_id' | 'federation', value: string): Condition =>
  sql`${sql.ref(`run.${column}`)} = ${value}`;

/** ':' is the character after '9': the range is the prefix. Found by the index on ids. */
const hasPrefix = (prefix: string): Condition => sql`(run.id >= ${prefix} and run.id < ${`${prefix}:`})`;

/** The same, kept from the index on ids: a walk by time must not become a sort of everything with the prefix. */
const showsPrefix = (prefix: string): Condition =>
  sql`((run.id || '') >= ${prefix} and (run.id || '') < ${`${prefix}:`})`;

function branchesOf(page: Page): readonly Branch[] {
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

/** The newest of all branches. */
function newestOf(branches: readonly Branch[], limit: number): Branch | undefined {
  if (branches.length <= 1) return branches[0];
  const unions: Branch[] = [];
  for (let from = 0; from < branches.length; from += BRANCHES_PER_UNION) {
    const selects = branches
      .slice(from, from + BRANCHES_PER_UNION)
      .map((branch, index) => sql`select created_at, key from (${branch}) as ${sql.ref(`branch_${index}`)}`);
    unions.push(sql`${sql.join(selects, sql` union `)} order by created_at desc, key desc limit ${limit}`);
  }
  return newestOf(unions, limit);
}

/** First the keys, along indexes, then the rows that are not known. */
async function newestRuns(page: Page): Promise<readonly Run[]> {
  const newest = newestOf(branchesOf(page), page.limit);
  if (newest === undefined) return [];
  const { rows } = await (newest as RawBuilder<{ key: string }>).execute(page.db);
  return await runsOfKeys(
    page.db,
    page.known,
    rows.map((row) => row.key),
  );
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
function rowsByPrefix(page: Page, prefix: string): Promise<Selectable<RunTable>[]> {
  const { db, filter, limit, before } = page;
  const { ownerAccountId, federations = [] } = filter;
  const shared = sharedIds(page);
  return db
    .with(
      (cte) => cte('candidate').materialized(),
      (qb) => qb.selectFrom('run').selectAll().where(hasPrefix(prefix)),
    )
    .selectFrom('candidate')
    .selectAll()
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
    .where((eb) => eb.and(below('created_at', 'key', before)))
    .orderBy('created_at', 'desc')
    .orderBy('key', 'desc')
    .limit(limit)
    .execute();
}

/** Groups that are granted runs here; there are few, and each is one more walk along an index. */
async function withLocalGroups(page: Page): Promise<Page> {
  const { db, filter } = page;
  if (!filter.sharedWithLocalGroups || filter.all === true) return page;
  // '}' is the character after '|': the range is the prefix, found along the index.
  const { rows } = await sql<{ principal: string }>`select distinct principal from run_grant
    where principal >= 'group:local|' and principal < 'group:local}'`.execute(db);
  if (rows.length === 0) return page;
  const sharedWith = [...(filter.sharedWith ?? []), ...rows.map((row) => row.principal)];
  return { ...page, filter: { ...filter, sharedWith } };
}

/** One page of `RunStore.listRuns`. */
export async function listRuns(asked: Page): Promise<readonly Run[]> {
  const page = await withLocalGroups(asked);
  const { idPrefix } = page.filter;
  const rare = idPrefix !== undefined && (await isRare(page, idPrefix));
  return rare ? (await rowsByPrefix(page, idPrefix)).map(toRun) : await newestRuns(page);
}
