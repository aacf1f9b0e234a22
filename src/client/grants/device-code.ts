import { setTimeout as delay } from 'node:timers/promises';
import { isLoopback } from '../../core/addresses.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { StartLoginResponse, TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import { callUnary } from '../unary.ts';
import type { Grant, GrantRequest } from './index.ts';

/** Poll no faster than this, whatever the server says; RFC 8628 3.5 counts in seconds. */
const MIN_INTERVAL_S = 1;
/** RFC 8628 3.2: the interval where none is named. */
const DEFAULT_INTERVAL_S = 5;
const MAX_LIFE_S = 3600;

/** Login in a browser, on this machine or another (RFC 8628), relayed by the server. */
export const deviceCode: Grant = async (request) => {
  const { client } = request;
  const started = await callUnary(client, client.sessions.startLogin.bind(client.sessions), {
    provider: request.provider,
    client: request.program,
    host: request.host,
  });
  checkStarted(started);
  const life = Math.min(Number(started.expiresIn), MAX_LIFE_S);
  const endsAt = request.clock.monotonic() + life * 1000;
  await request.show({
    userCode: started.userCode,
    verificationUri: started.verificationUri,
    verificationUriComplete: started.verificationUriComplete || started.verificationUri,
    provider: started.provider,
    expiresIn: life,
    secondsLeft: () => Math.max(0, Math.ceil((endsAt - request.clock.monotonic()) / 1000)),
  });
  return await pollUntil(request, started, endsAt);
};

async function pollUntil(request: GrantRequest, started: StartLoginResponse, endsAt: number): Promise<TokenPair> {
  let interval = Number(started.interval) || DEFAULT_INTERVAL_S;
  for (;;) {
    const wait = Math.max(interval, MIN_INTERVAL_S) * 1000;
    // DG-07: never ask after the end; the person should not wait for a poll that can't succeed either.
    const left = endsAt - request.clock.monotonic();
    if (left <= 0) throw expired();
    await delay(Math.min(wait, left), undefined, { signal: request.signal });
    if (request.clock.monotonic() >= endsAt) throw expired();
    const answer = await poll(request, started.handle);
    if (answer === undefined) interval *= 2;
    else if (answer.state === 'approved' && answer.tokens !== undefined && answer.tokens.accessToken !== '')
      return answer.tokens;
    else if (answer.state !== 'pending' && answer.state !== 'slow_down') throw malformed();
    else interval = nextInterval(interval, answer.state, Number(answer.interval));
  }
}

/** DG-03: slow_down is final for all later polls, and adds 5 s where the server names no interval. */
function nextInterval(interval: number, state: string, named: number): number {
  if (named > 0) return state === 'slow_down' ? Math.max(named, interval) : named;
  return state === 'slow_down' ? interval + 5 : interval;
}

/** One poll; undefined where the connection failed: then wait longer and ask again (DG-04). Anything else ends the login (DG-06). */
async function poll(request: GrantRequest, handle: string) {
  const { client } = request;
  try {
    return await callUnary(client, client.sessions.pollLogin.bind(client.sessions), { handle });
  } catch (error) {
    if (isAppError(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED')) return undefined;
    throw error;
  }
}

function checkStarted(started: StartLoginResponse): void {
  if (started.handle === '' || started.userCode === '' || Number(started.expiresIn) <= 0) throw malformed();
  for (const uri of [started.verificationUri, started.verificationUriComplete || started.verificationUri]) {
    if (!isWebAddress(uri)) {
      throw new AppError(
        'INTERNAL',
        'LOGIN_ADDRESS_REFUSED',
        'The server named a login page that is no safe web address.',
        {
          hint: "Tell the server's operator; nothing was opened.",
        },
      );
    }
  }
}

/** DG-11: https, or http on this machine; no user info; nothing that a terminal or shell would act on. */
export function isWebAddress(uri: string): boolean {
  if (!URL.canParse(uri) || !/^[\x21-\x7e]{1,2000}$/.test(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return protocol === 'http:' && isLoopback(hostname);
}

function expired(): AppError {
  return new AppError('UNAUTHENTICATED', 'LOGIN_EXPIRED', 'The login was not approved in time.', {
    hint: 'Run "fedctl login" again and approve the code in the browser.',
  });
}

function malformed(): AppError {
  return new AppError('INTERNAL', 'ANSWER_MALFORMED', 'The server gave an answer to the login that makes no sense.');
}
