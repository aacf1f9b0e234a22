import { AppError } from '../../../../core/errors.ts';
import type { Federation } from '../../../../core/federations.ts';
import { type Call, federationOf } from '../../call.ts';

/** The federation of the call. @throws FAILED_PRECONDITION FEDERATION_ARCHIVED */
export function openFederation(call: Call): Federation {
  const federation = federationOf(call);
  assertOpen(federation);
  return federation;
}

/** @throws FAILED_PRECONDITION FEDERATION_ARCHIVED */
export function assertOpen({ id, archivedAt }: Federation): void {
  if (archivedAt === undefined) return;
  throw new AppError('FAILED_PRECONDITION', 'FEDERATION_ARCHIVED', `The federation ${id} is archived.`, {
    hint: 'What it has can still be read; use another federation for anything new.',
  });
}
