import { Metadata as GrpcMetadata, status as grpc, type Metadata } from '@grpc/grpc-js';
import { type AppError, type ErrorCode, isAppError } from '../../core/errors.ts';
import { ErrorInfo, Status } from '../../gen/google/rpc/status.ts';
import type { WireAnswers } from '../rpc/wire/binding.ts';

const CODES: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: grpc.INVALID_ARGUMENT,
  UNAUTHENTICATED: grpc.UNAUTHENTICATED,
  PERMISSION_DENIED: grpc.PERMISSION_DENIED,
  NOT_FOUND: grpc.NOT_FOUND,
  ALREADY_EXISTS: grpc.ALREADY_EXISTS,
  FAILED_PRECONDITION: grpc.FAILED_PRECONDITION,
  ABORTED: grpc.ABORTED,
  RESOURCE_EXHAUSTED: grpc.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: grpc.DEADLINE_EXCEEDED,
  CANCELLED: grpc.CANCELLED,
  UNAVAILABLE: grpc.UNAVAILABLE,
  UNIMPLEMENTED: grpc.UNIMPLEMENTED,
  INTERNAL: grpc.INTERNAL,
};

/** A gRPC status as grpc-js takes it. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * The status of an error. Public text only; a stable `reason`, the hint and a reference ride in google.rpc.ErrorInfo
 * (trailer `grpc-status-details-bin`). `answers` are what the wire's clients expect instead.
 */
export function toStatus(error: unknown, requestId: string, answers: WireAnswers): GrpcStatus {
  const known: Pick<AppError, 'code' | 'reason' | 'message' | 'hint' | 'retryAfterMs'> = isAppError(error)
    ? error
    : {
        code: 'INTERNAL',
        reason: 'INTERNAL',
        message: `Something went wrong on the server (reference ${requestId}).`,
        hint: undefined,
        retryAfterMs: undefined,
      };
  const code = CODES[answers[known.reason]?.code ?? known.code] ?? grpc.INTERNAL;
  const details = answers[known.reason]?.text ?? known.message;
  const info = ErrorInfo.encode({
    reason: known.reason,
    domain: 'fedctl',
    metadata: {
      'request-id': requestId,
      ...(known.hint ? { hint: known.hint } : {}),
      ...(known.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(Math.ceil(known.retryAfterMs)) }),
    },
  }).finish();
  const metadata = new GrpcMetadata();
  const any = { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: Buffer.from(info) };
  metadata.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode({ code, message: known.message, details: [any] }).finish()),
  );
  return { code, details, metadata };
}
