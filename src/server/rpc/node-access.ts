import type { Right, Subject } from '../../core/access.ts';
import { AppError } from '../../core/errors.ts';
import type { Federation } from '../../core/federations.ts';
import type { Services, Target } from './call.ts';

/** Those of `federations` that `subject` may list. */
export async function listable(
  federations: readonly Federation[],
  subject: Subject,
  { checker }: Services,
): Promise<readonly Federation[]> {
  const answers = await checker.checkMany(
    federations.map(({ id }) => ({ subject, right: 'can_list', object: { type: 'federation', id } })),
  );
  return federations.filter((_, index) => answers[index]);
}

/** Federations that are not archived and that `subject` may list. */
export async function listedFederations(subject: Subject, services: Services): Promise<readonly Federation[]> {
  const active = (await services.federations.all()).filter(({ archivedAt }) => archivedAt === undefined);
  return listable(active, subject, services);
}

/**
 * Whether `subject` has `right` on a SuperNode, and if not, whether they may know of it: whoever may list one federation
 * of its engine sees it. One that nobody registered through us is of no account and no federation: it is the system
 * admins'. An id that no engine knows takes the same questions (security.md T-35).
 */
export async function standingOnNode(
  target: Target,
  { subject, right, fresh }: { subject: Subject; right: Right; fresh: boolean },
  services: Services,
): Promise<'allowed' | 'visible' | 'hidden'> {
  const { node, object } = target;
  const asked = node && !node.row ? ({ type: 'system' } as const) : object;
  const [allowed, listed] = await Promise.all([
    asked ? services.checker.check({ subject, right, object: asked }, { fresh }) : false,
    listedFederations(subject, services),
  ]);
  if (!node) return 'hidden';
  if (allowed) return 'allowed';
  return listed.some(({ engine }) => engine === node.engine) ? 'visible' : 'hidden';
}

/**
 * The one answer for ids that are unknown and for SuperNodes that the caller may not see. While an engine is away that is
 * its failure: the id might be there.
 */
export function nodeNotFound(unanswered?: unknown): unknown {
  if (unanswered !== undefined) return unanswered;
  const text = 'Node ID not found: there is no SuperNode with this id that you may see.';
  return new AppError('NOT_FOUND', 'NODE_NOT_FOUND', text, { hint: 'List them: fedctl supernode ls' });
}
