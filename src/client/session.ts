import type { Clock } from '../core/clock.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { TokenPair } from '../gen/fedctl/v1/sessions.ts';
import type { Client } from './channel.ts';
import { callUnary, type UnaryMethod } from './unary.ts';

/** One login as it is kept on this machine. Tokens are plain here because they are written to a file right away. */
export interface StoredLogin {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this machine's clock, from the life that the server named; undefined where another program rewrote the file. */
  readonly expiresAt: number | undefined;
  /** Life of the access token when it was given, in milliseconds. */
  readonly lifetimeMs: number | undefined;
  readonly sessionId: string;
  readonly account: string;
}

/** Where one connection's login is kept; over all processes of this user. */
export interface LoginStore {
  /** Undefined where nobody is logged in. @throws AppError for a file that can't be trusted or read */
  read(): Promise<StoredLogin | undefined>;
  /** Runs `work` while no other process holds the lock of this login. */
  locked<T>(work: () => Promise<T>): Promise<T>;
  /** Replaces the stored login whole; called inside `locked`. */
  save(login: StoredLogin): Promise<void>;
}

export interface SessionOptions {
  readonly client: Client;
  readonly store: LoginStore;
  readonly clock: Clock;
  /** Tells of what went wrong beside the call, e.g. a login that could not be stored. */
  readonly warn: (sentence: string) => void;
}

/** Calls as the one who is logged in. */
export interface Session {
  /** One unary call with a token that is good; renewed and repeated once where the server says that it has expired. */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    timeoutMs?: number,
  ): Promise<Response>;
  /** A token with enough life left to start a stream with. */
  token(): Promise<string>;
  /** Renews because the server refused `token` as expired, unless another process has done so meanwhile. */
  renewed(token: string): Promise<string>;
}

const MARGIN_MS = 60_000;

/** Less than a minute or a fifth of its life left. Tokens of unknown life are used until the server refuses them. */
export function isDue(login: StoredLogin, now: number): boolean {
  if (login.expiresAt === undefined) return false;
  const margin = Math.min(MARGIN_MS, (login.lifetimeMs ?? MARGIN_MS * 5) / 5);
  return login.expiresAt - now < margin;
}

/** The login that a token pair stands for, its end counted from the life that the server named. */
export function loginOf(tokens: TokenPair, now: number): StoredLogin {
  const lifetimeMs = Number(tokens.expiresIn) * 1000;
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    expiresAt: now + lifetimeMs,
    lifetimeMs,
    sessionId: tokens.sessionId,
    account: tokens.account,
  };
}

/** The failure of a command that needs a login where there is none. */
export function notLoggedIn(): AppError {
  return new AppError('UNAUTHENTICATED', 'NOT_LOGGED_IN', 'You are not logged in.', { hint: 'Run: fedctl login' });
}

/** A session over the stored login of one connection. Nothing is read before the first call. */
export function openSession({ client, store, clock, warn }: SessionOptions): Session {
  let current: StoredLogin | undefined;

  async function token(): Promise<string> {
    current ??= await store.read();
    if (current === undefined) throw notLoggedIn();
    if (isDue(current, clock.now())) await renew(current.accessToken, false);
    return current.accessToken;
  }

  /** One renewal for all processes: the lock is taken, the file read again, and only an unchanged token is renewed. */
  async function renew(refused: string, expired: boolean): Promise<void> {
    try {
      current = await store.locked(async () => {
        const stored = (await store.read()) ?? current;
        if (stored === undefined) throw notLoggedIn();
        if (stored.accessToken !== refused) return stored;
        return await exchange(stored);
      });
    } catch (error) {
      // A token that still lives outlasts a short outage of the server or of the lock.
      if (expired || !outlasts(error, clock.now())) throw error;
    }
  }

  function outlasts(error: unknown, now: number): boolean {
    const passing = isAppError(error) && ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED'].includes(error.code);
    return passing && current?.expiresAt !== undefined && current.expiresAt - now > 1_000;
  }

  async function exchange(stored: StoredLogin): Promise<StoredLogin> {
    const renewMethod = client.sessions.renew.bind(client.sessions);
    const { tokens } = await callUnary(client, renewMethod, { refreshToken: stored.refreshToken });
    if (tokens === undefined || tokens.accessToken === '') {
      throw new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server answered a renewal without tokens.');
    }
    const login = loginOf(tokens, clock.now());
    try {
      await store.save(login);
    } catch (error) {
      // The call goes on with what is in memory (security.md F-33).
      const why = isAppError(error) ? error.message : 'the file could not be written.';
      warn(`The renewed login could not be stored: ${why} You may have to log in again soon.`);
    }
    return login;
  }

  async function renewed(refused: string): Promise<string> {
    if (current === undefined || current.accessToken === refused) await renew(refused, true);
    return await token();
  }

  return {
    token,
    renewed,
    async call(method, request, timeoutMs) {
      const options = timeoutMs === undefined ? {} : { timeoutMs };
      const first = await token();
      try {
        return await callUnary(client, method, request, { ...options, token: first });
      } catch (error) {
        if (!isExpired(error)) throw error;
        return await callUnary(client, method, request, { ...options, token: await renewed(first) });
      }
    },
  };
}

/** True where the server refused a token only because its time is over. Such a call was not carried out. */
export function isExpired(error: unknown): boolean {
  return isAppError(error) && error.code === 'UNAUTHENTICATED' && error.reason === 'TOKEN_EXPIRED';
}
