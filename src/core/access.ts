import type { RunId } from './ids.ts';

export const RIGHTS = [
  'can_run',
  'can_list',
  'can_view',
  'can_log',
  'can_stop',
  'can_pull',
  'can_share',
  'can_manage_nodes',
  'can_admin',
] as const;
export type Right = (typeof RIGHTS)[number];

/** Roles that may be granted, by object type (design.md "Authorization"). */
export const GRANTABLE = {
  system: ['admin', 'auditor'],
  federation: ['admin', 'operator', 'runner', 'viewer'],
  run: ['operator', 'viewer'],
  group: ['member'],
} as const;

/** Who is asking, as OpenFGA knows them. */
export interface Subject {
  /** `user:<issuer alias>|<encoded sub>` or `service_account:...`; made by one encoder (server/access/ids.ts). */
  readonly principal: string;
  /** Issuer alias and raw group names of the session's token; they ride along as contextual tuples where a grant names them. */
  readonly issuerAlias: string;
  readonly groups: readonly string[];
}

/** What a right is asked on. For a run, the facts of its row ride along as contextual tuples. */
export type AccessObject =
  | { readonly type: 'system' }
  | { readonly type: 'federation'; readonly id: string }
  | { readonly type: 'run'; readonly id: RunId; readonly owner: string; readonly federation: string }
  | { readonly type: 'group'; readonly name: string }
  /** A SuperNode somebody registered through us. `id` is `<engine>/<node id>`. */
  | { readonly type: 'supernode'; readonly id: string; readonly owner: string; readonly federation: string };

export interface AccessQuestion {
  readonly subject: Subject;
  readonly right: Right;
  readonly object: AccessObject;
}

export interface Checker {
  /**
   * One decision. `fresh` asks OpenFGA with HIGHER_CONSISTENCY and no cache: for mutations.
   * @throws UNAVAILABLE AUTHORIZATION_UNAVAILABLE when OpenFGA can't be asked; never a wrong "no".
   * @throws RESOURCE_EXHAUSTED TOO_MANY_GROUPS beyond 90 contextual tuples.
   */
  check(question: AccessQuestion, options?: { fresh?: boolean }): Promise<boolean>;
  /** Decisions in the order of the questions; one failed item fails the call. */
  checkMany(questions: readonly AccessQuestion[]): Promise<readonly boolean[]>;
}

export interface Grant {
  /** OpenFGA user of the stored tuple: `user:...`, `service_account:...`, `group:...#member`. */
  readonly principal: string;
  readonly role: string;
  /** OpenFGA object: `run:123`, `federation:@o/n`, `group:local|name`, `system:fedctl`. */
  readonly object: string;
  /** Epoch ms; undefined = no end. */
  readonly until: number | undefined;
}

export interface Grants {
  /** Writes the tuple; extending or shortening is delete and write under a lock. "unchanged" when it stood as asked. */
  grant(grant: Grant): Promise<'written' | 'unchanged'>;
  revoke(grant: Omit<Grant, 'until'>): Promise<'deleted' | 'unchanged'>;
  /** Stored grants that are in force now, filtered by principal and object. */
  grants(filter: { principal?: string; object?: string }): Promise<readonly Grant[]>;
}

/** Projection of stored run grants, kept from OpenFGA's ReadChanges: finds rows to show, decides nothing. */
export interface GrantIndex {
  /** Applies changes and moves the position in one transaction. */
  applyRunGrants(changes: readonly RunGrantChange[], position: string): Promise<void>;
  position(): Promise<string | undefined>;
  /** Runs that any stored grant names, for all subjects: such runs are checked one by one. */
  grantedRuns(runs: readonly RunId[]): Promise<ReadonlySet<RunId>>;
  /** Forgets all of it, position included: another store, or a position that is not valid. */
  clear(): Promise<void>;
}

export interface RunGrantChange {
  readonly op: 'write' | 'delete';
  /** `user:...`, `service_account:...` or `group:...` (without `#member`). */
  readonly principal: string;
  readonly run: RunId;
  readonly role: string;
  readonly until: number | undefined;
}
