import { type AppError, isAppError } from '../../core/errors.ts';
import { grantEnded, providerAnswerInvalid, providerRefused, providerUnavailable } from './failures.ts';

/** What went wrong at a provider. `network` may be asked again; `outage` is its own fault; the rest are answers. */
export type ProviderFailure =
  | { readonly kind: 'network' | 'outage' | 'invalid' }
  | { readonly kind: 'answer'; readonly error: string };

const NETWORK_STATUS: readonly unknown[] = [429, 502, 503, 504];
const OPERATOR_ERRORS: readonly string[] = [
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_request',
];

const OUTAGE_ERRORS: readonly string[] = ['server_error', 'temporarily_unavailable'];

/** Errors of RFC 6749 and RFC 8707 that only the operator of this server can end. */
export const isOperatorError = (error: string): boolean => OPERATOR_ERRORS.includes(error);
export const isOutageError = (error: string): boolean => OUTAGE_ERRORS.includes(error);

interface Raised {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly error?: unknown;
  readonly status?: unknown;
  readonly cause?: unknown;
}

/** Sorts what openid-client and undici throw. By code and name: classes of another realm are no `instanceof`. */
export function judgeFailure(raised: unknown): ProviderFailure {
  const told = (raised ?? {}) as Raised;
  const { name, code, error, status, cause } = told;
  if (code === 'OAUTH_RESPONSE_BODY_ERROR' && typeof error === 'string') return judgeAnswer(error, status);
  if (code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE') return { kind: 'answer', error: 'invalid_client' };
  if (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM') return judgeStatus((cause as Raised | undefined)?.status);
  if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') return { kind: 'network' };
  if (name === 'TimeoutError' || name === 'AbortError') return { kind: 'network' };
  if (isNetworkError(told)) return { kind: 'network' };
  return { kind: 'invalid' };
}

function judgeAnswer(error: string, status: unknown): ProviderFailure {
  if (isOutageError(error)) return { kind: 'outage' };
  if (typeof status === 'number' && status >= 500) return { kind: 'outage' };
  return { kind: 'answer', error };
}

function judgeStatus(status: unknown): ProviderFailure {
  if (NETWORK_STATUS.includes(status)) return { kind: 'network' };
  return { kind: typeof status === 'number' && status >= 500 ? 'outage' : 'invalid' };
}

/** undici says `TypeError: fetch failed` or `terminated` with the reason as cause; TLS trouble has its own codes there. */
function isNetworkError({ name, code, cause }: Raised): boolean {
  if (name === 'TypeError') return code === undefined && cause !== undefined;
  const inner = cause as Raised | undefined;
  return (
    inner !== undefined && (inner.name === 'TimeoutError' || (inner.name === 'TypeError' && isNetworkError(inner)))
  );
}

/** The error that callers of a provider get, for all that isn't part of a normal flow. */
export function toAppError(raised: unknown): AppError {
  if (isAppError(raised)) return raised;
  const failure = judgeFailure(raised);
  const cause = withoutBodies(raised);
  if (failure.kind === 'invalid') return providerAnswerInvalid(cause);
  if (failure.kind !== 'answer') return providerUnavailable(cause);
  if (failure.error === 'invalid_grant') return grantEnded(cause);
  return isOperatorError(failure.error) ? providerRefused(cause) : providerAnswerInvalid(cause);
}

/** openid-client hangs whole token answers onto its errors; what goes to the log is a chain of texts without them. */
function withoutBodies(raised: unknown, depth = 0): Error | undefined {
  if (typeof raised !== 'object' || raised === null || depth > 4) return undefined;
  const { name, message, code, error, cause } = raised as Raised & { message?: unknown };
  if (typeof message !== 'string') return undefined;
  const facts = [name, code, error].filter((fact) => typeof fact === 'string' && fact.length < 100).join(' ');
  return new Error(`${facts}: ${message.slice(0, 300)}`, { cause: withoutBodies(cause, depth + 1) });
}
