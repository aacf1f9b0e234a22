import type { ServiceError } from '@grpc/grpc-js';
import { AppError, type AppErrorOptions, type ErrorCode } from '../core/errors.ts';
import { ErrorInfo, Status } from '../gen/google/rpc/status.ts';

const CODES: readonly (ErrorCode | undefined)[] = [
  undefined,
  'CANCELLED',
  'INTERNAL',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'INVALID_ARGUMENT',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'INTERNAL',
  'UNAUTHENTICATED',
];

/** What a peer says in its trailer: reason and public metadata (google.rpc.ErrorInfo in google.rpc.Status). */
interface PeerError {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** True where the error was made by the peer and carries a reason, not by this side's channel. */
export function hasReason(error: ServiceError): boolean {
  return peerError(error) !== undefined;
}

/** True for an error as grpc-js raises it. */
export function isServiceError(error: unknown): error is ServiceError {
  return (
    typeof error === 'object' &&
    error !== null &&
    typeof (error as ServiceError).code === 'number' &&
    typeof (error as ServiceError).details === 'string'
  );
}

/** The AppError that a gRPC status stands for; without a reason from the peer it is the name of the status. */
export function toAppError(error: ServiceError): AppError {
  const code = CODES[error.code] ?? 'INTERNAL';
  const peer = peerError(error);
  const options: { -readonly [K in keyof AppErrorOptions]: AppErrorOptions[K] } = { cause: error };
  const hint = peer?.metadata.hint;
  if (hint !== undefined && hint !== '') options.hint = hint;
  const retry = Number(peer?.metadata['retry-after-ms'] ?? Number.NaN);
  if (Number.isFinite(retry) && retry >= 0) options.retryAfterMs = retry;
  return new AppError(code, peer?.reason ?? code, error.details || `The server answered ${code}.`, options);
}

function peerError(error: ServiceError): PeerError | undefined {
  const raw = error.metadata?.get('grpc-status-details-bin')[0];
  if (!Buffer.isBuffer(raw)) return undefined;
  try {
    for (const detail of Status.decode(raw).details) {
      if (!detail.typeUrl.endsWith('/google.rpc.ErrorInfo')) continue;
      const info = ErrorInfo.decode(detail.value);
      if (/^[A-Z][A-Z0-9_]{1,63}$/.test(info.reason)) return { reason: info.reason, metadata: info.metadata };
    }
  } catch {
    // Details that can't be read say nothing; the status itself still stands.
  }
  return undefined;
}
