import { isScope, SCOPES, type Scope } from '../../../core/scopes.ts';
import type { ExchangeRequest } from '../../../core/services.ts';
import { TOKEN_TYPES } from '../../../core/services.ts';
import { audienceNotOffered, requestInvalid, scopeUnknown, typeUnknown } from './failures.ts';

/** A request for an exchange that makes sense by itself. */
export interface CheckedRequest {
  /** Undefined = this server. */
  readonly audience: string | undefined;
  /** Undefined = all that there is. */
  readonly scopes: readonly Scope[] | undefined;
  readonly issuedTokenType: string;
}

const SUBJECT_TYPES: readonly string[] = Object.values(TOKEN_TYPES);
const REQUESTED_TYPES: readonly string[] = [TOKEN_TYPES.accessToken, TOKEN_TYPES.jwt];

/**
 * RFC 8693 section 2.1 (security.md TX-01, TX-07).
 * @throws INVALID_ARGUMENT TOKEN_REQUEST_INVALID | TOKEN_TYPE_UNKNOWN | AUDIENCE_NOT_OFFERED | SCOPE_UNKNOWN
 */
export function checkRequest(
  request: ExchangeRequest,
  { own, others }: { own: string; others: readonly string[] },
): CheckedRequest {
  if (request.subjectToken === '') throw requestInvalid('subject_token is missing.');
  if (request.subjectTokenType === '') throw requestInvalid('subject_token_type is missing.');
  if (!SUBJECT_TYPES.includes(request.subjectTokenType)) throw typeUnknown('subject_token_type');
  checkActor(request);
  const issuedTokenType = request.requestedTokenType || TOKEN_TYPES.accessToken;
  if (!REQUESTED_TYPES.includes(issuedTokenType)) throw typeUnknown('requested_token_type');
  const scopes = request.scopes.filter(isScope);
  if (scopes.length < request.scopes.length) throw scopeUnknown(SCOPES);
  const [target = own, ...more] = new Set([...request.audience, ...request.resource]);
  if (more.length > 0 || (target !== own && !others.includes(target))) throw audienceNotOffered();
  return {
    audience: target === own ? undefined : target,
    scopes: scopes.length > 0 ? [...new Set(scopes)] : undefined,
    issuedTokenType,
  };
}

function checkActor({ actorToken, actorTokenType }: ExchangeRequest): void {
  if (actorToken === '' && actorTokenType !== '') throw requestInvalid('actor_token_type stands without actor_token.');
  if (actorToken !== '' && actorTokenType === '') throw requestInvalid('actor_token_type is missing.');
  // Passed over, it would look as if the token said on whose behalf somebody acts.
  if (actorToken !== '') throw requestInvalid('This server does not do delegation: leave actor_token out.');
}

/** What both allow; undefined = everything. */
export function intersect(
  a: readonly Scope[] | undefined,
  b: readonly Scope[] | undefined,
): readonly Scope[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((scope) => b.includes(scope));
}
