import type { ServiceError } from '@grpc/grpc-js';
import type { AppError } from '../core/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { hasReason, toAppError } from './errors.ts';
import { diagnose } from './probe.ts';

/** Status numbers behind which a broken connection may hide: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE. */
const MAYBE_CONNECTION: readonly number[] = [2, 4, 12, 13, 14];

/**
 * The AppError behind a failed call. Where the peer gave no reason, the cause may be the connection, and grpc-js
 * does not tell which: a short probe of name, port and certificate finds out.
 */
export async function explainFailure(error: ServiceError, endpoint: Endpoint): Promise<AppError> {
  if (hasReason(error) || !MAYBE_CONNECTION.includes(error.code)) return toAppError(error);
  return (await diagnose(endpoint, error)) ?? toAppError(error);
}
