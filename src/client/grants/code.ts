import { setTimeout as delay } from 'node:timers/promises';
import { callUnary } from '../unary.ts';
import { expiredLogin, malformedLogin, pairOf } from './answers.ts';
import { type Loopback, openLoopback, type RedirectAnswer } from './loopback.ts';
import { checkWebAddresses, pollingOf } from './polling.ts';
import { startLogin } from './start-login.ts';
import type { Grant, GrantRequest } from './types.ts';

/** Where redirects are expected unless told otherwise: providers may want to know the address beforehand. */
const DEFAULT_PORT = 31111;

/**
 * Login in a browser on this machine: authorization code with PKCE (RFC 7636), its answer to a loopback address
 * (RFC 8252 section 7.3), redeemed by the server. Verifier and nonce never leave the server.
 */
export const code: Grant = async (request) => {
  const port = request.settings.redirectPort ?? DEFAULT_PORT;
  const loopback = await openLoopback({ host: request.loopbackHost, port });
  try {
    return await logInThrough(request, loopback);
  } finally {
    loopback.close();
  }
};

async function logInThrough(request: GrantRequest, loopback: Loopback) {
  const { client, show } = request;
  const started = await startLogin(request, { grant: 'code', redirectUri: loopback.redirectUri });
  const { handle, authorizationUrl, provider } = started;
  if (handle === '' || authorizationUrl === '') throw malformedLogin();
  checkWebAddresses([authorizationUrl]);
  const { life, secondsLeft } = pollingOf(request, { expiresIn: Number(started.expiresIn), interval: 0 });
  const answer = loopback.answer(new URL(authorizationUrl).searchParams.get('state') ?? undefined);
  const uris = { verificationUri: authorizationUrl, verificationUriComplete: authorizationUrl };
  await show({ ...uris, userCode: '', provider, onlyHere: true, expiresIn: life, secondsLeft });
  const redirect = await within(answer, life, request.signal);
  const finish = client.sessions.finishLogin.bind(client.sessions);
  return pairOf((await callUnary(client, finish, { handle, ...redirect })).tokens);
}

/** @throws UNAUTHENTICATED LOGIN_EXPIRED after so many seconds */
async function within(answer: Promise<RedirectAnswer>, seconds: number, signal: AbortSignal): Promise<RedirectAnswer> {
  const over = new AbortController();
  const end = delay(seconds * 1000, undefined, { signal: AbortSignal.any([signal, over.signal]) });
  try {
    return await Promise.race([
      answer,
      end.then(() => {
        throw expiredLogin();
      }),
    ]);
  } finally {
    over.abort();
    end.catch(() => {});
  }
}
