import { AppError } from '../../../core/errors.ts';
import { plainText } from '../../../core/text.ts';

/** What is said about tokens of others. Why one is refused is told: who holds a token can read it anyway. */

export const refused = (why: string, cause?: unknown) =>
  new AppError('UNAUTHENTICATED', 'TOKEN_INVALID', `The token is not valid here: ${why}.`, {
    hint: 'See docs/tokens.md for what this server asks of tokens of other issuers.',
    cause,
  });

export const subjectExpired = () =>
  new AppError('UNAUTHENTICATED', 'TOKEN_EXPIRED', 'The token has expired.', {
    hint: 'Get a new one from its issuer.',
  });

export const issuerNotTrusted = () =>
  new AppError('UNAUTHENTICATED', 'ISSUER_NOT_TRUSTED', 'This server does not trust the issuer of that token.', {
    hint: 'The operator of this server can add a [[trust]] table to its config.',
  });

export const issuerUnavailable = (cause: unknown) =>
  new AppError('UNAVAILABLE', 'TRUSTED_ISSUER_UNAVAILABLE', 'The issuer of that token can not be asked right now.', {
    cause,
    retryAfterMs: 2000,
    hint: 'Try again in a moment.',
  });

export const tooManyTokens = (retryAfterMs: number) =>
  new AppError('RESOURCE_EXHAUSTED', 'TOO_MANY_TOKENS', 'Too many unknown tokens come from this address.', {
    retryAfterMs,
    hint: 'Wait a moment and try again.',
  });

const MAX_NAMES = 40;

/** Names of claims only: their values may say more than the reader of a log should know. */
export const noTrustRule = (alias: string, claims: object) => {
  const names = Object.keys(claims).slice(0, MAX_NAMES).sort();
  const shown = plainText(names.join(', '), 600);
  const text = `No [[trust-rule]] of this server fits that token of "${alias}" (its claims: ${shown}).`;
  return new AppError('PERMISSION_DENIED', 'NO_TRUST_RULE', text, {
    hint: 'The operator of this server has to add one to its config: see docs/tokens.md.',
  });
};

export const usedBefore = () =>
  new AppError('UNAUTHENTICATED', 'TOKEN_USED', 'That token was used before, and its rule lets it be used once.', {
    hint: 'Get a new one from its issuer.',
  });

export const exchangeFirst = () =>
  new AppError('UNAUTHENTICATED', 'EXCHANGE_REQUIRED', 'A token that can be used once has to be exchanged first.', {
    hint: 'Exchange it: fedctl login --grant ci, or POST /oauth/token.',
  });

export const requestInvalid = (message: string) => new AppError('INVALID_ARGUMENT', 'TOKEN_REQUEST_INVALID', message);

export const typeUnknown = (parameter: string) =>
  new AppError('INVALID_ARGUMENT', 'TOKEN_TYPE_UNKNOWN', `This server does not know that ${parameter}.`, {
    hint: 'Use urn:ietf:params:oauth:token-type:access_token, :jwt or, for what is exchanged, :id_token.',
  });

export const scopeUnknown = (scopes: readonly string[]) =>
  new AppError('INVALID_ARGUMENT', 'SCOPE_UNKNOWN', 'This server does not know one of the scopes asked for.', {
    hint: `Scopes: ${scopes.join(' ')}`,
  });

export const audienceNotOffered = () =>
  new AppError('INVALID_ARGUMENT', 'AUDIENCE_NOT_OFFERED', 'This server issues no tokens for that audience.', {
    hint: 'One audience at a time: this server, or one that `audiences` of [tokens] in its config names.',
  });
