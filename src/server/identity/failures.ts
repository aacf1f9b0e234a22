import { AppError } from '../../core/errors.ts';

/** The errors that identity answers with, each made in one place, so that texts and reasons stay the same everywhere. */

const LOG_IN = 'Log in again: fedctl login';

export const tokenInvalid = (cause?: unknown) =>
  new AppError('UNAUTHENTICATED', 'TOKEN_INVALID', 'The access token is not valid here.', { hint: LOG_IN, cause });

export const tokenExpired = () =>
  new AppError('UNAUTHENTICATED', 'TOKEN_EXPIRED', 'The access token has expired.', {
    hint: 'Renew it with the refresh token, or log in again: fedctl login',
  });

export const sessionEnded = (cause?: unknown) =>
  new AppError('UNAUTHENTICATED', 'SESSION_ENDED', 'The session has ended.', { hint: LOG_IN, cause });

export const refreshTokenInvalid = () =>
  new AppError('UNAUTHENTICATED', 'REFRESH_TOKEN_INVALID', 'The refresh token is not valid any more.', {
    hint: LOG_IN,
  });

export const renewalBusy = () =>
  new AppError('UNAVAILABLE', 'RENEWAL_BUSY', 'The session is being renewed elsewhere and that takes too long.', {
    retryAfterMs: 1000,
    hint: 'Try again in a moment.',
  });

export const loginExpired = () =>
  new AppError('UNAUTHENTICATED', 'LOGIN_EXPIRED', 'This login has expired or was already used.', {
    hint: 'Start again: fedctl login',
  });

export const loginFailed = () =>
  new AppError('UNAVAILABLE', 'LOGIN_FAILED', 'The login could not be completed.', {
    hint: 'Start again: fedctl login',
  });

export const loginDenied = () =>
  new AppError('PERMISSION_DENIED', 'LOGIN_DENIED', 'The login was denied at the identity provider.');

/** @param what private: what was wrong with it */
export const answerRefused = (what: string) =>
  new AppError(
    'UNAUTHENTICATED',
    'LOGIN_ANSWER_REFUSED',
    "The identity provider's answer does not belong to this login.",
    {
      cause: new Error(what),
      hint: 'Start again: fedctl login',
    },
  );

export const passwordRefused = (cause: unknown) =>
  new AppError('UNAUTHENTICATED', 'PASSWORD_REFUSED', 'The identity provider does not accept this name and password.', {
    cause,
  });

export const loginUnknown = () =>
  new AppError('NOT_FOUND', 'LOGIN_UNKNOWN', 'There is no login with this code, or it is over.', {
    hint: 'Compare the code with the one in the terminal, or start again: fedctl login',
  });

export const loginAwaitedElsewhere = () =>
  new AppError('ABORTED', 'LOGIN_AWAITED_ELSEWHERE', 'Somebody else is waiting for this login now.', {
    hint: 'If that is not you, start again: fedctl login',
  });

export const grantNotOffered = (hint?: string) =>
  new AppError('FAILED_PRECONDITION', 'GRANT_NOT_OFFERED', 'This server does not offer that way to log in.', {
    hint: hint ?? 'What there is: fedctl login --list-providers',
  });

export const redirectUriInvalid = () =>
  new AppError(
    'INVALID_ARGUMENT',
    'REDIRECT_URI_INVALID',
    'The redirect URI has to be http://127.0.0.1:PORT/oauth/callback (or [::1], or localhost).',
  );

export const requestInvalid = (message: string) => new AppError('INVALID_ARGUMENT', 'REQUEST_INVALID', message);

export const tooManyAttempts = (retryAfterMs: number) =>
  new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_ATTEMPTS', 'Too many wrong codes were tried.', {
    retryAfterMs,
    hint: 'Wait a minute and try again.',
  });

export const tooManyLogins = (retryAfterMs: number) =>
  new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_LOGINS', 'Too many logins are being started.', {
    retryAfterMs,
    hint: 'Wait a minute and try again.',
  });

export const providerUnknown = () =>
  new AppError('NOT_FOUND', 'PROVIDER_UNKNOWN', 'No identity provider of that name is configured here.');

export const providerUnavailable = (cause: unknown, hint = 'Nothing is lost: try again in a moment.') =>
  new AppError('UNAVAILABLE', 'IDENTITY_PROVIDER_UNAVAILABLE', 'The identity provider can not be reached right now.', {
    cause,
    retryAfterMs: 2000,
    hint,
  });

export const providerAnswerInvalid = (cause: unknown) =>
  new AppError(
    'UNAVAILABLE',
    'IDENTITY_PROVIDER_UNAVAILABLE',
    'The identity provider gave an answer that can not be used.',
    { cause, hint: 'Try again; if it stays so, tell the operator of this server.' },
  );

export const providerRefused = (cause: unknown, hint?: string) =>
  new AppError(
    'FAILED_PRECONDITION',
    'IDENTITY_PROVIDER_REFUSED',
    'The identity provider does not accept this server as its client.',
    { cause, hint: hint ?? 'The operator of this server has to check client id, secret and scopes.' },
  );

export const providerMisconfigured = (message: string, hint: string, cause?: unknown) =>
  new AppError('FAILED_PRECONDITION', 'IDENTITY_PROVIDER_MISCONFIGURED', message, { hint, cause });

/** Never leaves this folder: the provider has ended the grant (`invalid_grant`). */
export const GRANT_ENDED = 'PROVIDER_GRANT_ENDED';
export const grantEnded = (cause: unknown) =>
  new AppError('UNAUTHENTICATED', GRANT_ENDED, 'The identity provider has ended the session.', { cause });

/** Never leaves this folder: a renewal was answered for somebody else (security.md RT-06, RT-07). */
export const IDENTITY_CHANGED = 'PROVIDER_IDENTITY_CHANGED';
export const identityChanged = (what: string) =>
  new AppError('UNAUTHENTICATED', IDENTITY_CHANGED, 'The identity provider answered for another login.', {
    cause: new Error(`refreshed ID token: another ${what}`),
  });
