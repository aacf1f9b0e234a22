import type { AccessObject, AccessQuestion, Subject } from '../../core/access.ts';
import { AppError } from '../../core/errors.ts';
import { claimGroup, objectId, SYSTEM_OBJECT } from '../../core/principals.ts';
import { checkObject, checkPrincipal, type TupleKey } from './tuples.ts';

/** A question as OpenFGA gets it. Equal keys have equal answers while the stored tuples and the time are the same. */
export interface Asked extends TupleKey {
  readonly key: string;
  readonly contextual: readonly TupleKey[];
}

/** What is known of the stored tuples; undefined while it is not known. */
export interface Known {
  namesGroup(group: string): boolean;
  namesRun(run: string): boolean;
}

/** OpenFGA takes 100; some room for what a later version has to say about an object. */
export const MAX_CONTEXTUAL = 90;

/** Stands for every run that no stored tuple names. No run has this id: ids are decimal. */
export const UNSHARED_RUN = 'run:unshared';

function link(federation: string): readonly TupleKey[] {
  return federation === '' ? [] : [{ user: SYSTEM_OBJECT, relation: 'system', object: `federation:${federation}` }];
}

/** The facts of our rows about an object, as tuples. Of a run's owner only what concerns the one who asks. */
function facts(object: AccessObject, id: string, principal: string): readonly TupleKey[] {
  switch (object.type) {
    case 'system':
      return [];
    case 'group':
      return [{ user: SYSTEM_OBJECT, relation: 'system', object: id }];
    case 'federation':
      return link(object.id);
    case 'supernode':
    case 'run': {
      const owner = object.owner === principal ? [{ user: principal, relation: 'owner', object: id }] : [];
      if (object.federation === '') return owner;
      const member = { user: `federation:${object.federation}`, relation: 'federation', object: id };
      return [...owner, member, ...link(object.federation)];
    }
  }
}

/** A role on a federation that everybody has who can log in (`[access] default-roles`). */
export interface EverybodysRole {
  readonly federation: string;
  readonly role: string;
}

function rolesOfEverybody(
  object: AccessObject,
  principal: string,
  roles: readonly EverybodysRole[],
): readonly TupleKey[] {
  const federation = object.type === 'federation' ? object.id : 'federation' in object ? object.federation : undefined;
  if (!principal.startsWith('user:')) return [];
  return roles
    .filter((one) => one.federation === federation)
    .map(({ role }) => ({ user: principal, relation: role, object: `federation:${federation}` }));
}

/** The token's groups, those that some stored tuple names. Without that knowledge: all. */
function memberships({ principal, issuerAlias, groups }: Subject, known: Known | undefined): readonly TupleKey[] {
  const objects = new Set(groups.map((name) => claimGroup(issuerAlias, name)));
  return [...objects]
    .filter((object) => known === undefined || known.namesGroup(object))
    .sort()
    .map((object) => ({ user: principal, relation: 'member', object }));
}

function tooManyGroups(count: number): AppError {
  const text = `Your account is in ${count} groups that have grants here; at most ${MAX_CONTEXTUAL - 3} can be checked.`;
  return new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_GROUPS', text, {
    hint: 'Ask the administrator to send fewer groups in the token, or to grant to you and not to groups.',
  });
}

/**
 * Translates a question. With `classes`, a run that no stored tuple names is asked for as {@link UNSHARED_RUN}: the model only
 * adds rights, so what is decided for it holds for each of them, and can never be more than is decided for the run itself.
 * @throws RESOURCE_EXHAUSTED TOO_MANY_GROUPS, INVALID_ARGUMENT for ids that are none
 */
export function translate(
  question: AccessQuestion,
  known: Known | undefined,
  { classes, everybody = [] }: { classes: boolean; everybody?: readonly EverybodysRole[] },
): Asked {
  const { subject, right, object } = question;
  const user = checkPrincipal(subject.principal);
  const own = checkObject(objectId(object));
  const unshared =
    classes && object.type === 'run' && known !== undefined && !known.namesRun(own) && !known.namesRun(UNSHARED_RUN);
  const id = unshared ? UNSHARED_RUN : own;
  const groups = memberships(subject, known);
  const contextual = [...facts(object, id, user), ...rolesOfEverybody(object, user, everybody), ...groups];
  if (contextual.length > MAX_CONTEXTUAL) throw tooManyGroups(groups.length);
  const key = [user, right, id, ...contextual.map(({ user: of, relation, object: on }) => `${of} ${relation} ${on}`)];
  return { user, relation: right, object: id, contextual, key: key.join('\n') };
}
