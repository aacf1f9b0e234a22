import { type AppError, isAppError } from '../../core/errors.ts';
import type { StartLoginResponse, TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import type { NewLogin } from '../login.ts';
import { callUnary } from '../unary.ts';
import { malformedLogin, pairOf } from './answers.ts';
import { awaitPush } from './await-login.ts';
import { checkWebAddresses, type Poll, pollingOf } from './polling.ts';
import { startLogin } from './start-login.ts';
import type { Grant, GrantRequest } from './types.ts';

/** A device login that waits for approval. Whoever has the handle gets the tokens. */
export interface StartedDeviceLogin {
  readonly handle: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string;
  readonly provider: string;
  /** Seconds from now. */
  readonly expiresIn: number;
  /** Seconds between polls. */
  readonly interval: number;
}

/** Login in a browser, on this machine or another (RFC 8628), relayed by the server. */
export const deviceCode: Grant = async (request) => {
  return await finishDeviceLogin(request, await startDeviceLogin(request));
};

/** @throws INTERNAL ANSWER_MALFORMED, LOGIN_ADDRESS_REFUSED, and what the server says */
export async function startDeviceLogin(request: GrantRequest): Promise<StartedDeviceLogin> {
  const started: StartLoginResponse = await startLogin(request, { grant: 'device_code', redirectUri: '' });
  const { handle, userCode, verificationUri, provider } = started;
  if (handle === '' || userCode === '') throw malformedLogin();
  const verificationUriComplete = started.verificationUriComplete || verificationUri;
  checkWebAddresses([verificationUri, verificationUriComplete]);
  const [expiresIn, interval] = [Number(started.expiresIn), Number(started.interval)];
  return { handle, userCode, verificationUri, verificationUriComplete, provider, expiresIn, interval };
}

/** Shows a started login and waits for its end: told by the server, else asked for (DG-04). */
export async function finishDeviceLogin(request: GrantRequest, started: StartedDeviceLogin): Promise<NewLogin> {
  const { userCode, verificationUri, verificationUriComplete, provider } = started;
  const polling = pollingOf(request, started);
  const { life: expiresIn, secondsLeft } = polling;
  const pending = { userCode, verificationUri, verificationUriComplete, provider, expiresIn, secondsLeft };
  await request.show({ ...pending, onlyHere: false });
  const pushed = await awaitPush(request, { handle: started.handle, secondsLeft });
  return pairOf(pushed ?? (await polling.until(() => pollOnce(request, started.handle))));
}

/** One poll. A failed connection is waited out (DG-04); any other failure ends the login (DG-06). */
async function pollOnce({ client }: GrantRequest, handle: string): Promise<Poll<TokenPair>> {
  try {
    const answer = await callUnary(client, client.sessions.pollLogin.bind(client.sessions), { handle });
    const { state, tokens } = answer;
    if (state === 'approved' && tokens !== undefined && tokens.accessToken !== '') return { done: tokens };
    if (state !== 'pending' && state !== 'slow_down') throw malformedLogin();
    return { state, interval: Number(answer.interval) };
  } catch (error) {
    if (isAppError(error) && isAway(error)) return { state: 'away' };
    throw error;
  }
}

function isAway({ code }: AppError): boolean {
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED';
}
