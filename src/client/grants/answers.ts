import { AppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { ExchangeTokenResponse, TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import { loginOf, type NewLogin } from '../login.ts';

const secret = (text: string) => new Secret(text);

/** @throws INTERNAL ANSWER_MALFORMED where a token is missing */
export function pairOf(tokens: TokenPair | undefined): NewLogin {
  return loginOf(tokens, secret);
}

/** A login without a refresh token: it is renewed by doing its grant again. @throws INTERNAL ANSWER_MALFORMED */
export function exchangedLogin(answer: ExchangeTokenResponse): NewLogin {
  const { accessToken, expiresIn, sessionId, account } = answer;
  if (accessToken === '') throw malformedLogin();
  return {
    accessToken: secret(accessToken),
    refreshToken: secret(''),
    expiresIn: Number(expiresIn),
    sessionId,
    account,
  };
}

export function malformedLogin(): AppError {
  return new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server gave an answer to the login that makes no sense.');
}

/** The login was not finished in time: the server's or the caller's. */
export function expiredLogin(): AppError {
  return new AppError('UNAUTHENTICATED', 'LOGIN_EXPIRED', 'The login was not approved in time.', {
    hint: 'Run "fedctl login" again and approve it in the browser.',
  });
}
