import type { ServiceError } from '@grpc/grpc-js';
import { AppError } from '../core/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { hasReason, toAppError } from './errors.ts';
import { diagnose } from './probe.ts';

/** Status numbers behind which a broken connection may hide: CANCELLED (by a server or proxy that cut the call), UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE. */
const MAYBE_CONNECTION: readonly number[] = [1, 2, 4, 12, 13, 14];

const UNIMPLEMENTED = 12;

/**
 * The AppError behind a failed call. Where the peer gave no reason, the cause may be the connection, and grpc-js
 * does not tell which: a short probe of name, port and certificate finds out.
 */
export async function explainFailure(error: ServiceError, endpoint: Endpoint): Promise<AppError> {
  if (hasReason(error) || !MAYBE_CONNECTION.includes(error.code)) return toAppError(error);
  const found = await diagnose(endpoint, error);
  if (found !== undefined) return found;
  if (error.code === UNIMPLEMENTED) return notControlPlane(endpoint, error);
  return toAppError(error);
}

function notControlPlane(endpoint: Endpoint, cause: unknown): AppError {
  const text = `The server at ${endpoint.address} does not know this call.`;
  return new AppError('UNIMPLEMENTED', 'NOT_A_CONTROL_PLANE', text, {
    hint: 'It is no fedctl control plane, or an older one than this program. "fedctl doctor" tells which.',
    cause,
  });
}
