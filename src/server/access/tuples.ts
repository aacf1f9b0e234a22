import type { Grant } from '../../core/access.ts';
import { AppError } from '../../core/errors.ts';

/** Name of the condition in templates/model.fga that ends a grant. */
const END_CONDITION = 'non_expired_grant';

/** A relation between two OpenFGA ids. */
export interface TupleKey {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
}

/** A stored tuple. `until` in epoch ms; undefined = no end; 0 where the condition is there and holds no end that can be read. */
export interface Tuple extends TupleKey {
  readonly until: number | undefined;
}

/** A tuple as OpenFGA takes and gives it. */
export interface WireTuple extends TupleKey {
  readonly condition?: { readonly name: string; readonly context?: object } | null;
}

export interface TupleChange {
  readonly op: 'write' | 'delete';
  readonly tuple: Tuple;
}

/** Space is in no OpenFGA id, so this is injective. */
export function tupleText({ user, relation, object }: TupleKey): string {
  return `${user} ${relation} ${object}`;
}

export function fromWire(wire: WireTuple): Tuple {
  const { user, relation, object, condition } = wire;
  if (condition === undefined || condition === null || condition.name === '') {
    return { user, relation, object, until: undefined };
  }
  const until = Date.parse(String((condition.context as { until?: unknown } | undefined)?.until));
  return { user, relation, object, until: Number.isNaN(until) ? 0 : until };
}

export function toWire({
  user,
  relation,
  object,
  until,
}: Tuple): WireTuple & { condition?: { name: string; context: object } } {
  if (until === undefined) return { user, relation, object };
  const condition = { name: END_CONDITION, context: { until: new Date(until).toISOString() } };
  return { user, relation, object, condition };
}

export function fromGrant(grant: Omit<Grant, 'until'> & { readonly until?: number | undefined }): Tuple {
  return { user: grant.principal, relation: grant.role, object: grant.object, until: grant.until };
}

export function toGrant(tuple: Tuple): Grant {
  return { principal: tuple.user, role: tuple.relation, object: tuple.object, until: tuple.until };
}

const USER = /^(user|service_account):[^\s:#*]{1,480}$/;
const GROUP_MEMBERS = /^group:[^\s:#*]{1,250}#member$/;
const OBJECT = /^[a-z_]+:[^\s:#*]+$/;
const MAX_OBJECT = 256;

/** `principal` if a grant may name it: one person, machine or group, never everybody (security.md T-32). @throws INVALID_ARGUMENT */
export function checkPrincipal(principal: string): string {
  if (USER.test(principal) || GROUP_MEMBERS.test(principal)) return principal;
  throw new AppError('INVALID_ARGUMENT', 'PRINCIPAL_INVALID', 'That names no person, service account or group.');
}

/** `object` if it is one object of OpenFGA. @throws INVALID_ARGUMENT */
export function checkObject(object: string): string {
  if (object.length <= MAX_OBJECT && OBJECT.test(object)) return object;
  throw new AppError('INVALID_ARGUMENT', 'OBJECT_INVALID', 'That names no object that rights can be granted on.');
}

export function typeOf(id: string): string {
  return id.slice(0, id.indexOf(':'));
}
