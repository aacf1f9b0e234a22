import { Metadata as GrpcMetadata, status as grpc, type Metadata } from '@grpc/grpc-js';
import type { ErrorCode } from '../../core/errors.ts';
import { ErrorInfo, Status } from '../../gen/google/rpc/status.ts';
import type { PublicError, WireAnswers } from '../rpc/wire/binding.ts';

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
  readonly name: ErrorCode;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * The status of an error. Public text only; a stable `reason`, the hint and a reference ride in google.rpc.ErrorInfo
 * (trailer `grpc-status-details-bin`). `answers` are what the wire's clients expect instead.
 */
export function toStatus(known: PublicError, requestId: string, answers: WireAnswers): GrpcStatus {
  const answer = answers[known.reason] ?? answers[known.code];
  const name = answer?.code ?? known.code;
  const code = CODES[name] ?? grpc.INTERNAL;
  const details = answer?.text ?? known.message;
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
  return { code, name, details, metadata };
}
