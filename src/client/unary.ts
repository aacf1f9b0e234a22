import { type CallOptions, type ClientUnaryCall, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { AppError } from '../core/errors.ts';
import type { Client } from './channel.ts';
import { explainFailure } from './failures.ts';
import { callTimeout } from './timeout.ts';

/** A unary method of a generated stub, bound to it. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export interface UnaryOptions {
  /** Access token; sent as `authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Until the answer must be there. Milliseconds; {@link callTimeout} by default. */
  readonly timeoutMs?: number;
}

/** Metadata with the access token, or empty. */
export function bearer(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/**
 * One question, one answer. Never repeated here.
 * @throws AppError of any code; connection failures are explained one by one (see failures.ts).
 */
export async function callUnary<Request, Response>(
  client: Client,
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: UnaryOptions = {},
): Promise<Response> {
  const deadline = Date.now() + (options.timeoutMs ?? callTimeout());
  const outcome = await new Promise<{ error: ServiceError } | { response: Response }>((resolve) => {
    method(request, bearer(options.token), { deadline }, (error, response) =>
      resolve(error ? { error } : { response }),
    );
  });
  if ('response' in outcome) return outcome.response;
  throw await explain(outcome.error, client);
}

function explain(error: ServiceError, client: Client): Promise<AppError> {
  return explainFailure(error, client.endpoint);
}
