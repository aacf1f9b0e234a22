import { type ServiceError, status } from '@grpc/grpc-js';
import type { ErrorCode } from '../core/errors.ts';
import type { FlowerFailure } from './control.ts';
import { flowerFailure, readFlowerError } from './failure.ts';

/** Statuses that we have a name for; the others (UNKNOWN, OUT_OF_RANGE, DATA_LOSS) are a server that failed. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  [status.CANCELLED]: 'CANCELLED',
  [status.INVALID_ARGUMENT]: 'INVALID_ARGUMENT',
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.NOT_FOUND]: 'NOT_FOUND',
  [status.ALREADY_EXISTS]: 'ALREADY_EXISTS',
  [status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [status.RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  [status.FAILED_PRECONDITION]: 'FAILED_PRECONDITION',
  [status.ABORTED]: 'ABORTED',
  [status.UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [status.INTERNAL]: 'INTERNAL',
  [status.UNAVAILABLE]: 'UNAVAILABLE',
  [status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
};

/** The same, where the connection or the time ended the call: nobody knows whether it has acted. */
const BROKEN: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

/** What a failed gRPC call means. `cancelled` says that it was us. */
export function grpcFailure(error: unknown, cancelled: boolean): FlowerFailure {
  if (cancelled) return flowerFailure({ kind: 'cancelled', code: 'CANCELLED', cause: error });
  const { code, details } = error as Partial<ServiceError>;
  if (typeof code !== 'number') return flowerFailure({ kind: 'invalid', cause: error });
  const text = typeof details === 'string' ? details : '';
  if (BROKEN.has(code)) return flowerFailure({ kind: 'unavailable', code: CODES[code], cause: error });
  // grpc-js answers so where HTTP spoke and not gRPC: nothing of a SuperLink has said anything.
  if (/^Received HTTP status code \d+/.test(text)) return flowerFailure({ kind: 'invalid', cause: error });
  return flowerFailure({
    kind: 'refused',
    code: CODES[code] ?? 'INTERNAL',
    ...(readFlowerError(text) ?? { text }),
    cause: error,
  });
}

/** What gRPC for Python says of a method that it doesn't have; the second one where a release's own interceptors trip over it (1.23 to 1.27). */
const UNKNOWN_METHOD: ReadonlySet<string> = new Set(['Method not found!', 'Error in service handler!']);

/** True where the server doesn't have the method at all: how releases are told apart (flower/facts section 0). */
export function isMethodUnknown(failure: FlowerFailure): boolean {
  return (failure.code === 'UNIMPLEMENTED' || failure.code === 'INTERNAL') && UNKNOWN_METHOD.has(failure.text);
}
