import { AppError } from '../../core/errors.ts';

/** What OpenFGA or the way to it answered, without request or response bodies: those name people and may hold the token. */
export interface FgaFault {
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  /** OpenFGA's own code, e.g. "validation_error"; or the socket's, e.g. "ECONNREFUSED". */
  readonly code: string;
  readonly text: string;
}

const MAX_TEXT = 300;

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Reads an error of the SDK by its fields: it may come from another copy or realm. */
export function faultOf(error: unknown): FgaFault {
  const status = field(error, 'statusCode');
  const data = field(error, 'responseData');
  const code = field(data, 'code') ?? field(error, 'code') ?? field(field(error, 'cause'), 'code') ?? '';
  const text = field(data, 'message') ?? field(error, 'message') ?? '';
  return {
    status: typeof status === 'number' ? status : undefined,
    code: String(code),
    text: String(text).slice(0, MAX_TEXT),
  };
}

/** The fault inside an AppError of this folder. */
export function faultIn(error: unknown): FgaFault | undefined {
  const cause = field(error, 'cause');
  return field(cause, 'text') === undefined ? undefined : (cause as FgaFault);
}

export function isRetryable({ status }: FgaFault): boolean {
  return status === 429 || (status !== undefined && status >= 500 && status !== 501);
}

/** The store or the model is not there (any more). */
export function isGone({ status, code }: FgaFault): boolean {
  return status === 404 || code === 'authorization_model_not_found' || code === 'store_id_not_found';
}

export function unavailable(cause: unknown, message = 'Rights can not be checked at the moment.'): AppError {
  return new AppError('UNAVAILABLE', 'AUTHORIZATION_UNAVAILABLE', message, {
    cause,
    hint: 'Try again in a moment. If it lasts, the administrator finds the cause in the log of the server.',
  });
}

/** One mapping for all calls: what is not named here is UNAVAILABLE, never a decision. */
export function toAppError(call: string, fault: FgaFault): AppError {
  const writing = call === 'Write';
  if (writing && (fault.status === 409 || fault.code === 'write_failed_due_to_invalid_input')) {
    return new AppError('ABORTED', 'GRANT_CONFLICT', 'Somebody else changed this grant at the same time.', {
      cause: fault,
    });
  }
  if (writing && fault.status === 400 && fault.code === 'validation_error') {
    return new AppError('INVALID_ARGUMENT', 'GRANT_INVALID', 'This role can not be granted to that on this object.', {
      cause: fault,
    });
  }
  if (fault.code === 'invalid_continuation_token') {
    return new AppError(
      'FAILED_PRECONDITION',
      'POSITION_INVALID',
      'The position in the list of changes is not valid.',
      {
        cause: fault,
      },
    );
  }
  return unavailable(fault);
}
