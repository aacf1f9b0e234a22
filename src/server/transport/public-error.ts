import { isAppError } from '../../core/errors.ts';
import type { PublicError } from '../rpc/wire/binding.ts';

/** What may be told of an error; of one that nobody foresaw only where the log has it. */
export function publicError(error: unknown, requestId: string): PublicError {
  if (isAppError(error)) return error;
  const message = `Something went wrong on the server (reference ${requestId}).`;
  return { code: 'INTERNAL', reason: 'INTERNAL', message, hint: undefined, retryAfterMs: undefined };
}
