import { type ServiceError, status } from '@grpc/grpc-js';
import { AppError } from '../../core/errors.ts';
import { plainText } from '../../core/text.ts';

/** Statuses with which a SuperLink says no; its sentence is for the person (facts 1.2: FAILED_PRECONDITION shows the details). */
const REFUSALS: ReadonlySet<number> = new Set([
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
]);

/** What the engine's failed call means for us. The engine's own text is public only where it is an answer to the person. */
export function engineError(name: string, error: unknown): AppError {
  const { code, details } = serviceError(error);
  if (code === status.NOT_FOUND) {
    return new AppError('NOT_FOUND', 'RUN_NOT_FOUND', 'The engine does not know this run.', { cause: error });
  }
  if (code !== undefined && REFUSALS.has(code)) {
    const said = publicDetails(details);
    return new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', said === '' ? 'The engine refused.' : said, {
      cause: error,
    });
  }
  if (code === status.CANCELLED)
    return new AppError('CANCELLED', 'CANCELLED', 'The call was cancelled.', { cause: error });
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) {
    return new AppError('UNAVAILABLE', 'ENGINE_UNAVAILABLE', `The engine "${name}" does not answer.`, {
      hint: 'Try again in a moment.',
      cause: error,
    });
  }
  return invalidAnswer(name, error);
}

/** No connection could be made within the deadline: nothing was sent. */
export function unreachable(name: string, cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'ENGINE_UNREACHABLE', `The engine "${name}" can't be reached.`, {
    hint: 'Try again in a moment; if it stays so, tell the administrator.',
    cause,
  });
}

/** An answer that no SuperLink gives (security.md F-24); the details go to the log with the cause. */
export function invalidAnswer(name: string, cause: unknown): AppError {
  return new AppError(
    'INTERNAL',
    'ENGINE_ANSWER_INVALID',
    `The engine "${name}" failed or gave an answer that makes no sense.`,
    {
      cause,
    },
  );
}

function serviceError(error: unknown): { code: number | undefined; details: string } {
  const { code, details } = error as Partial<ServiceError>;
  return { code: typeof code === 'number' ? code : undefined, details: typeof details === 'string' ? details : '' };
}

/** From 1.30 on details may be JSON with the public sentence inside, in two spellings (facts 1.2). */
function publicDetails(details: string): string {
  try {
    const body = JSON.parse(details) as Record<string, unknown>;
    const parts = [body.public_message ?? body.detail, body.public_details ?? body.extra];
    const text = parts.filter((part) => typeof part === 'string').join(' ');
    if (text !== '') return plainText(text);
  } catch {
    // Plain text, as most releases send it.
  }
  return plainText(details);
}
