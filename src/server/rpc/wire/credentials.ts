import { AppError } from '../../../core/errors.ts';
import type { Credentials } from '../call.ts';
import type { Headers } from './binding.ts';

/** RFC 6750: `authorization: Bearer`; and what flwr sends over gRPC (flower facts, section 2): both tokens, raw, on each call. */
export function readCredentials(headers: Headers): Credentials {
  const bearer = single(headers, 'authorization');
  const access = single(headers, 'flwr-oidc-access-token');
  const refresh = single(headers, 'flwr-oidc-refresh-token');
  if (bearer !== undefined && access !== undefined) throw ambiguous();
  if (bearer !== undefined) return { kind: 'bearer', accessToken: bearerToken(bearer) };
  if (access !== undefined) return { kind: 'pair', accessToken: access, refreshToken: refresh ?? '' };
  return { kind: 'none' };
}

/** Flower over HTTP (flower facts, section 7): one `Authorization: Bearer` and nothing else. */
export function readBearer(headers: Headers): Credentials {
  const bearer = single(headers, 'authorization');
  return bearer === undefined ? { kind: 'none' } : { kind: 'bearer', accessToken: bearerToken(bearer) };
}

function single(headers: Headers, name: string): string | undefined {
  const values = headers.get(name);
  // HTTP/2 joins repeated headers with a comma, which no token of ours holds.
  if (values.length > 1 || values[0]?.includes(',')) throw ambiguous();
  return values[0];
}

function bearerToken(header: string): string {
  const token = /^bearer +([\x21-\x7e]+)$/i.exec(header)?.[1];
  if (token) return token;
  throw new AppError('UNAUTHENTICATED', 'TOKEN_INVALID', 'The authorization header holds no bearer token.');
}

function ambiguous(): AppError {
  return new AppError('UNAUTHENTICATED', 'CREDENTIALS_AMBIGUOUS', 'A call carries one credential, once.');
}
