import type { Clock } from '../core/clock.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Client } from './channel.ts';
import { isDue, type LoginStore, loginOf, type NewLogin, notLoggedIn, type StoredLogin } from './login.ts';
import { callTimeout } from './timeout.ts';
import { callUnary, type UnaryMethod } from './unary.ts';

/** A server that crashed while it renewed this very session takes up to 25 s until another may. */
const RENEWAL_MS = 40_000;

export interface SessionOptions {
  readonly client: Client;
  readonly store: LoginStore;
  readonly clock: Clock;
  /** Does the grant of a login again that has no refresh token; absent: such a login ends with its token. */
  readonly regrant?: (() => Promise<NewLogin>) | undefined;
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
  /** A token with enough life left to start with, and with at least `minMs` where the server gives such tokens. */
  token(minMs?: number): Promise<string>;
  /** Life left of the token that was given out last, in milliseconds. */
  left(): number;
  /** Another token, because the server refused this one as expired. */
  renewed(refused: string): Promise<string>;
}

interface Held {
  readonly login: StoredLogin;
  /** When it was read, by the monotonic clock. */
  readonly readAt: number;
}

/** A session over the stored login of one connection. Nothing is read before the first call. */
export function openSession({ client, store, clock, warn, regrant }: SessionOptions): Session {
  let held: Held | undefined;

  const left = ({ login, readAt }: Held) => login.expiresInMs - (clock.monotonic() - readAt);
  const hold = (login: StoredLogin) => {
    held = { login, readAt: clock.monotonic() };
    return login.accessToken.reveal();
  };

  async function token(minMs = 0): Promise<string> {
    if (held === undefined) hold((await store.read()) ?? raise(notLoggedIn()));
    const current = held as unknown as Held;
    const usable = (login: StoredLogin, ms: number) => !isDue(login, ms) && ms >= minMs;
    if (usable(current.login, left(current))) return current.login.accessToken.reveal();
    try {
      return await renew((login) => usable(login, login.expiresInMs));
    } catch (error) {
      // A token that still lives outlasts a short outage of the server or a busy lock.
      if (isPassing(error) && left(current) > Math.max(minMs, 1_000)) return current.login.accessToken.reveal();
      throw error;
    }
  }

  async function renew(usable: (login: StoredLogin) => boolean): Promise<string> {
    const { credentials, warning } = await store.renew({ usable, renew: exchange });
    if (warning !== undefined) {
      warn(`The renewed login could not be stored: ${warning.message} You may have to log in again soon.`);
    }
    return hold(credentials);
  }

  async function exchange(login: StoredLogin): Promise<NewLogin> {
    if (login.refreshToken.reveal() === '') return await (regrant ?? refuseRenewal)();
    const method = client.sessions.renew.bind(client.sessions);
    const options = { timeoutMs: Math.max(RENEWAL_MS, callTimeout()) };
    const { tokens } = await callUnary(client, method, { refreshToken: login.refreshToken.reveal() }, options);
    return loginOf(tokens, (text) => new Secret(text));
  }

  async function renewed(refused: string): Promise<string> {
    if (held !== undefined && held.login.accessToken.reveal() !== refused) return await token();
    return await renew((login) => login.accessToken.reveal() !== refused);
  }

  return {
    token,
    left: () => (held === undefined ? 0 : left(held)),
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

async function refuseRenewal(): Promise<never> {
  throw new AppError(
    'UNAUTHENTICATED',
    'LOGIN_NOT_RENEWABLE',
    'This login has ended, and can not be renewed by itself.',
    {
      hint: 'Run: fedctl login',
    },
  );
}

function isPassing(error: unknown): boolean {
  return isAppError(error) && ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED'].includes(error.code);
}

function raise(error: AppError): never {
  throw error;
}
