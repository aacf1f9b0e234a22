import type { ErrorCode } from '../core/errors.ts';
import type { FlowerFailure } from './control.ts';
import { flowerFailure, readFlowerError } from './failure.ts';

/** HTTP status to gRPC's name, after Flower's own table of both (flower/facts section 7). */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  413: 'RESOURCE_EXHAUSTED',
  415: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
};

/** What a proxy answers for a server that is away. */
const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);
/** Statuses that mean the same without Flower's JSON: a login is missing, a limit was met, the program failed. */
const PLAIN: ReadonlySet<number> = new Set([401, 403, 413, 429, 500]);

/** What an answer other than 200 means. Text of a page that is not Flower's JSON never gets out. */
export function httpFailure(status: number, body: string): FlowerFailure {
  const cause = new Error(`HTTP status ${status}`);
  const said = readFlowerError(body);
  if (said === undefined) {
    if (GATEWAY.has(status)) return flowerFailure({ kind: 'unavailable', code: 'UNAVAILABLE', cause });
    if (PLAIN.has(status)) return flowerFailure({ kind: 'refused', code: CODES[status] ?? 'INTERNAL', cause });
    return flowerFailure({ kind: 'invalid', cause });
  }
  // Without a code of Flower's own it is the route that is missing, not a run: nothing may be taken for lost by that.
  const isRouteUnknown = said.flowerCode === undefined && (status === 404 || status === 405);
  const code = isRouteUnknown ? 'UNIMPLEMENTED' : (CODES[status] ?? 'INTERNAL');
  return flowerFailure({ kind: 'refused', code, ...said, cause });
}

/** What a connection's end means for a call that has no answer yet. */
export function brokenFailure(error: unknown, sent: boolean): FlowerFailure {
  if (!sent) return flowerFailure({ kind: 'unreachable', cause: error });
  const code = String((error as NodeJS.ErrnoException).code);
  if (code.startsWith('HPE_')) return flowerFailure({ kind: 'invalid', cause: error });
  return flowerFailure({ kind: 'unavailable', code: 'UNAVAILABLE', cause: error });
}
