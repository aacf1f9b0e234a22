import type { ErrorCode } from '../../../core/errors.ts';
import type { HttpRefusal, PublicError } from './binding.ts';

/** Status of a refusal that Flower has no code of its own for. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 412,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  DEADLINE_EXCEEDED: 504,
  CANCELLED: 503,
  UNAVAILABLE: 503,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
};

/** Status of reasons that only HTTP has, or that it tells apart. */
const STATUS_OF_REASON: Readonly<Record<string, number>> = {
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TOO_LARGE: 413,
  BUNDLE_TOO_LARGE: 413,
  HEADERS_TOO_LARGE: 431,
};

/** Flower's own error codes with their status (flower facts, section 7), by our reasons. */
const FLOWER_ERRORS: Readonly<Record<string, readonly [code: number, status: number]>> = {
  RUN_NOT_FOUND: [16, 404],
  RUN_FINISHED: [18, 412],
  RUN_NOT_FINISHED: [21, 412],
  RUN_CONFIG_INVALID: [15, 412],
  ARTIFACTS_NOT_CONFIGURED: [20, 501],
  NOT_PERMITTED: [9, 403],
  LOGIN_EXPIRED: [36, 401],
  FEDERATION_NOT_FOUND: [26, 412],
  FEDERATION_EXISTS: [4, 409],
  FEDERATION_CONFIG_INVALID: [15, 412],
  MEMBER_EXISTS: [3, 409],
  MEMBER_NOT_FOUND: [8, 412],
  WHO_UNKNOWN: [6, 404],
  INVITATION_EXISTS: [5, 409],
  INVITATION_NOT_FOUND: [7, 404],
  NODE_KEY_INVALID: [22, 412],
  NODE_KEY_TAKEN: [23, 412],
  NODE_NOT_FOUND: [24, 404],
  NODE_LOCATION_INVALID: [45, 400],
  MEDIA_TYPE_UNSUPPORTED: [1002, 415],
  REQUEST_MALFORMED: [1003, 400],
};

/** Commands that flwr has under the same names. */
const SAME_COMMANDS = /\bfedctl (?=(?:login|run|ls|log|stop|pull|supernode|federation)\b)/g;

/**
 * An error as flwr 1.37 and later show it (flower facts, 1.3): a body with a code as "[code: N] detail extra", one without as
 * its detail. So the hint rides in `extra` or ends the detail.
 *
 * A 401 has no code: flwr renews its token upon `WWW-Authenticate: Bearer`, once; a second 401 makes it say "flwr login",
 * and a code would take the place of that sentence. A login that has run out is no 401 of that kind.
 */
export function refuseOverHttp(error: PublicError): HttpRefusal {
  const [flowerCode, flowerStatus] = FLOWER_ERRORS[error.reason] ?? [];
  const status = flowerStatus ?? STATUS_OF_REASON[error.reason] ?? STATUS[error.code];
  const hint = error.hint?.replace(SAME_COMMANDS, 'flwr ');
  const body =
    flowerCode === undefined
      ? { detail: hint ? `${error.message} ${hint}` : error.message }
      : { code: flowerCode, detail: error.message, ...(hint ? { extra: hint } : {}) };
  return { status, headers: headersOf(error, status), body, code: error.code };
}

function headersOf(error: PublicError, status: number): Record<string, string> {
  const headers: Record<string, string> = { pragma: 'no-cache' };
  // flwr compares the value as a whole: parameters, as RFC 6750 has them, would keep it from renewing.
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (status === 405) headers.allow = 'POST';
  if (error.retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  return headers;
}
