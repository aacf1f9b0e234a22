import type { Right } from '../../core/access.ts';
import { AppError } from '../../core/errors.ts';
import type { Caller } from '../../core/services.ts';
import type { Services } from './call.ts';
import { nodeNotFound, standingOnNode } from './node-access.ts';
import type { PolicyRow } from './policy.ts';
import { askedOfRun, type Question } from './targets.ts';

/**
 * Asks whether `caller` may; returns silently or throws the denial.
 *
 * A run, federation or SuperNode that the caller may not see does not exist: unknown and foreign ids take the same questions and
 * end in the same error (security.md T-35).
 */
export async function decide(row: PolicyRow, question: Question, caller: Caller, services: Services): Promise<void> {
  const { right, target } = question;
  if (right === undefined || target.object === undefined) return;
  const ask = { subject: caller.subject, object: target.object };
  const options = { fresh: row.mutation };
  if (target.run?.quarantined) {
    if (await services.checker.check(askedOfRun(caller.subject, right, target.run, services), options)) return;
    throw runNotFound();
  }
  if (target.object.type === 'federation') return decideFederation(question, target.object.id, caller, services);
  if (target.object.type === 'supernode') {
    const standing = await standingOnNode(target, { subject: caller.subject, right, ...options }, services);
    if (standing === 'allowed') return;
    throw standing === 'visible' ? denied(right) : nodeNotFound(question.unanswered);
  }
  if (target.object.type !== 'run') {
    if (await services.checker.check({ ...ask, right }, options)) return;
    throw denied(right);
  }
  const [allowed, visible] = row.mutation
    ? await Promise.all([
        services.checker.check({ ...ask, right }, options),
        services.checker.check({ ...ask, right: 'can_view' }, options),
      ])
    : await services.checker.checkMany([
        { ...ask, right },
        { ...ask, right: 'can_view' },
      ]);
  if (allowed && !question.hidden) return;
  throw visible && !question.hidden ? denied(right) : runNotFound();
}

async function decideFederation(
  { right, hidden }: Question,
  id: string,
  { subject }: Caller,
  services: Services,
): Promise<void> {
  const object = { type: 'federation', id } as const;
  // Afresh also for reads: decisions on those that are there may be cached, and an answer that is faster would tell.
  const may = (asked: Right) => services.checker.check({ subject, right: asked, object }, { fresh: true });
  if (right === undefined) return;
  const allowed = await may(right);
  if (allowed && !hidden) return;
  // The default is no secret: everybody is told its name before they log in.
  const isKnown = id === services.facts.defaultFederation || (await may('can_list'));
  if (isKnown && !hidden) throw denied(right);
  if (!hidden) await lookForNothing(services);
  throw federationNotFound(id, services);
}

/** What an unknown federation costs: a look into the store, before it is said not to be there. */
export async function lookForNothing(services: Services): Promise<void> {
  await services.federations.find('');
}

function denied(right: string): AppError {
  return new AppError('PERMISSION_DENIED', 'NOT_PERMITTED', `You are not permitted to do this: it needs ${right}.`, {
    hint: 'Ask an administrator of the federation, or the owner of the run, to grant it: fedctl admin grant.',
  });
}

/** The one answer for federations that are not there and for those that the caller may not see. */
export function federationNotFound(id: string, { facts }: Services): AppError {
  const text = `Federation '${id}' does not exist, or you may not use it.`;
  return new AppError('NOT_FOUND', 'FEDERATION_NOT_FOUND', text, {
    hint: `The default federation of this server is ${facts.defaultFederation}.`,
  });
}

/** The one answer for ids that are unknown and for runs that the caller may not see. */
export function runNotFound(): AppError {
  return new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'There is no run with this id that you may see.', {
    hint: 'List your runs: fedctl ls',
  });
}
