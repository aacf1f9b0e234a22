/** gRPC status names (google.rpc.Code); the one vocabulary of failure in client and server. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'RESOURCE_EXHAUSTED'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'UNAVAILABLE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL';

export interface AppErrorOptions {
  /** The next step for the person, one sentence or a command. Public. */
  readonly hint?: string;
  /** What really happened. Private: for the log only, never sent to a peer. */
  readonly cause?: unknown;
  /** When a retry makes sense, in milliseconds from now. Public. */
  readonly retryAfterMs?: number;
}

/**
 * The only error that crosses a border of this program.
 *
 * `code` says what kind of failure, `reason` is stable and names it (upper snake case, documented in docs/errors.md),
 * `message` is the public text, `cause` stays private. There is no free-form payload, so that no secret can ride along.
 * Compare by `code` or `reason`, never by `instanceof`: two copies of this module may meet under a test runner.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, reason: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.reason = reason;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for an {@link AppError} of any copy of this module. */
export function isAppError(error: unknown): error is AppError {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as { name?: unknown }).name === 'AppError' &&
    typeof (error as { reason?: unknown }).reason === 'string'
  );
}
