import { type ErrorCode, isAppError } from '../../core/errors.ts';
import { SCOPES } from '../../core/scopes.ts';
import type { ExchangedToken, ExchangeRequest, Peer } from '../../core/services.ts';
import { type HttpReply, type HttpRequest, jsonReply, type Route } from '../transport/https.ts';
import { peerOf } from './calls.ts';

/** Token exchange over HTTP (RFC 8693), for programs that know OAuth and not us. */

const TOKEN_PATH = '/oauth/token';
const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** The method through the pipeline. */
export type ExchangeCall = (
  method: 'token.exchange',
  input: ExchangeRequest,
  peer: Peer,
) => { readonly requestId: string; readonly result: Promise<ExchangedToken> };

const KiB = 1024;
/** Two tokens and what belongs to them. */
const MAX_FORM = 48 * KiB;
/** RFC 6749 section 5.1. */
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;
const FORM = 'application/x-www-form-urlencoded';
/** Only these may stand several times (RFC 8693 section 2.1). */
const LISTS = ['audience', 'resource'];

export function tokenRoutes({ call }: { call: ExchangeCall }): readonly Route[] {
  return [{ method: 'POST', path: TOKEN_PATH, maxBody: MAX_FORM, handle: (request) => exchange(call, request) }];
}

/** RFC 8414 section 2. */
export function tokenMetadata(publicUrl: string) {
  return {
    token_endpoint: `${publicUrl.replace(/\/$/, '')}${TOKEN_PATH}`,
    token_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: [EXCHANGE_GRANT],
    scopes_supported: SCOPES,
  };
}

async function exchange(call: ExchangeCall, request: HttpRequest): Promise<HttpReply> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== FORM) return refuse(400, 'invalid_request', `The body has to be ${FORM}.`);
  const form = new URLSearchParams((await request.body()).toString('utf8'));
  const wrong = wrongForm(form, request);
  if (wrong) return wrong;
  const { requestId, result } = call('token.exchange', inputOf(form), peerOf(request));
  try {
    return granted(await result);
  } catch (error) {
    return refusal(error, requestId);
  }
}

function wrongForm(form: URLSearchParams, { headers }: HttpRequest): HttpReply | undefined {
  // There are no clients here: the subject token is all the proof. Who sends a secret believes otherwise.
  if (headers.authorization !== undefined || form.has('client_secret')) {
    const sentence = 'This server knows no OAuth clients: send no client authentication.';
    return refuse(401, 'invalid_client', sentence, { 'www-authenticate': 'Basic realm="fedctl"' });
  }
  const twice = [...new Set(form.keys())].find((name) => !LISTS.includes(name) && form.getAll(name).length > 1);
  if (twice !== undefined) return refuse(400, 'invalid_request', 'A parameter stands twice.');
  const grant = form.get('grant_type') ?? '';
  if (grant === '') return refuse(400, 'invalid_request', 'grant_type is missing.');
  if (grant !== EXCHANGE_GRANT) return refuse(400, 'unsupported_grant_type', `The grant_type is ${EXCHANGE_GRANT}.`);
  return undefined;
}

function inputOf(form: URLSearchParams): ExchangeRequest {
  const one = (name: string) => form.get(name) ?? '';
  // A parameter without a value counts as absent (RFC 6749 section 3.2).
  const all = (name: string) => form.getAll(name).filter((value) => value !== '');
  return {
    subjectToken: one('subject_token'),
    subjectTokenType: one('subject_token_type'),
    actorToken: one('actor_token'),
    actorTokenType: one('actor_token_type'),
    requestedTokenType: one('requested_token_type'),
    audience: all('audience'),
    resource: all('resource'),
    scopes: one('scope').split(' ').filter(Boolean),
    client: '',
    host: '',
  };
}

/** RFC 8693 section 2.2.1; the scope is told always, as it may be less than what was asked for. */
function granted({ accessToken, issuedTokenType, expiresIn, scopes }: ExchangedToken): HttpReply {
  const body = {
    access_token: accessToken,
    issued_token_type: issuedTokenType,
    token_type: 'Bearer',
    expires_in: expiresIn,
    ...(scopes && { scope: scopes.join(' ') }),
  };
  return jsonReply(200, body, NO_STORE);
}

/** RFC 8693 section 2.2.2: a subject token that is no good, or that policy does not take, is an invalid request too. */
const ERRORS: Readonly<Record<string, string>> = {
  AUDIENCE_NOT_OFFERED: 'invalid_target',
  SCOPE_UNKNOWN: 'invalid_scope',
  SCOPE_MISSING: 'invalid_scope',
};

const PASSING: Readonly<Partial<Record<ErrorCode, number>>> = {
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
  RESOURCE_EXHAUSTED: 429,
};

function refusal(error: unknown, reference: string): HttpReply {
  if (!isAppError(error) || error.code === 'INTERNAL')
    return refuse(500, 'server_error', `Something went wrong on the server (reference ${reference}).`);
  const sentence = [error.message, error.hint].filter(Boolean).join(' ');
  const status = PASSING[error.code];
  if (status === undefined) return refuse(400, ERRORS[error.reason] ?? 'invalid_request', sentence);
  const wait = { 'retry-after': String(Math.ceil((error.retryAfterMs ?? 2000) / 1000)) };
  return refuse(status, 'temporarily_unavailable', sentence, wait);
}

/** RFC 6749 section 5.2, where a description is of a few ASCII characters. */
function refuse(status: number, error: string, sentence: string, headers: Record<string, string> = {}): HttpReply {
  const description = sentence.replace(/["\\]|[^\x20-\x7e]/g, (char) => (char === '"' ? "'" : '?'));
  return jsonReply(status, { error, error_description: description }, { ...NO_STORE, ...headers });
}
