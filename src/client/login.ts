import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { shellWord } from '../core/text.ts';
import { tokenClaims } from '../core/token-claims.ts';
import type { TokenPair } from '../gen/fedctl/v1/sessions.ts';

/** A login as it is kept on this machine. */
export interface StoredLogin {
  readonly accessToken: Secret;
  /** Empty where the server gave none: such a login is renewed by doing its grant again. */
  readonly refreshToken: Secret;
  /** Life of the access token left when this was read, in milliseconds; counted from the life that the server named. */
  readonly expiresInMs: number;
}

/** A fresh login, to be stored. */
export interface NewLogin {
  readonly accessToken: Secret;
  readonly refreshToken: Secret;
  /** Seconds from now. */
  readonly expiresIn: number;
  readonly sessionId: string;
  readonly account: string;
}

export interface LoginRenewal {
  readonly usable: (login: StoredLogin) => boolean;
  readonly renew: (login: StoredLogin) => Promise<NewLogin>;
}

/** Where one connection's login is kept, for all processes of this user (credentials/credential-file.ts is one). */
export interface LoginStore {
  /** Undefined where nobody is logged in. @throws AppError for a file that can't be trusted or read */
  read(): Promise<StoredLogin | undefined>;
  /**
   * A usable login: the stored one as it stands once the lock is ours, else one from `renew`, stored before it is given
   * out. `warning` where it could not be stored.
   */
  renew(request: LoginRenewal): Promise<{ readonly credentials: StoredLogin; readonly warning: AppError | undefined }>;
}

/** Less than a minute, or less than a fifth of its life left. */
export function isDue(login: StoredLogin, leftMs: number): boolean {
  const lifeMs = lifeOf(login.accessToken) ?? 300_000;
  return leftMs < Math.min(60_000, lifeMs / 5);
}

/** Whole life of a JWT in milliseconds, from the difference of its times: no clock of ours is asked. */
export function lifeOf(token: Secret): number | undefined {
  const { exp, iat } = tokenClaims(token);
  return exp !== undefined && iat !== undefined && exp > iat ? (exp - iat) * 1000 : undefined;
}

/** The login that a token pair stands for. @throws INTERNAL ANSWER_MALFORMED where a token is missing */
export function loginOf(tokens: TokenPair | undefined, secret: (text: string) => Secret): NewLogin {
  const { accessToken = '', refreshToken = '', expiresIn = 0n, sessionId = '', account = '' } = tokens ?? {};
  if (accessToken === '' || refreshToken === '') {
    throw new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server answered without the tokens that were due.');
  }
  return {
    accessToken: secret(accessToken),
    refreshToken: secret(refreshToken),
    expiresIn: Number(expiresIn),
    sessionId,
    account,
  };
}

/** The failure of a command that needs a login where there is none. `typed`: APP and FEDERATION, where it named any. */
export function notLoggedIn(typed: readonly string[] = []): AppError {
  const hint = `Run: ${['fedctl login', ...typed.map(shellWord)].join(' ')}`;
  return new AppError('UNAUTHENTICATED', 'NOT_LOGGED_IN', 'You are not logged in.', { hint });
}
