import { isAppError } from '../../core/errors.ts';
import type { StartLoginResponse, TokenPair } from '../../gen/fedctl/v1/sessions.ts';
import { callUnary } from '../unary.ts';
import type { Grant, GrantRequest } from './index.ts';
import { checkWebAddresses, malformedLogin, type Poll, pollingOf } from './polling.ts';

/** A login that asks for nothing beyond itself. */
const ASKED = { grant: 'device_code', redirectUri: '', prompt: '', scopes: [], acrValues: [], loginHint: '' };

/** Login in a browser, on this machine or another (RFC 8628), relayed by the server. */
export const deviceCode: Grant = async (request) => {
  const { client } = request;
  const started = await callUnary(client, client.sessions.startLogin.bind(client.sessions), {
    provider: request.provider,
    client: request.program,
    host: request.host,
    ...ASKED,
  });
  if (started.handle === '' || started.userCode === '') throw malformedLogin();
  const complete = started.verificationUriComplete || started.verificationUri;
  checkWebAddresses([started.verificationUri, complete]);
  const polling = pollingOf(request, { expiresIn: Number(started.expiresIn), interval: Number(started.interval) });
  await request.show({
    userCode: started.userCode,
    verificationUri: started.verificationUri,
    verificationUriComplete: complete,
    provider: started.provider,
    expiresIn: polling.life,
    secondsLeft: polling.secondsLeft,
  });
  return await polling.until(() => pollOnce(request, started));
};

/** One poll. A failed connection is waited out (DG-04); any other failure ends the login (DG-06). */
async function pollOnce({ client }: GrantRequest, { handle }: StartLoginResponse): Promise<Poll<TokenPair>> {
  try {
    const answer = await callUnary(client, client.sessions.pollLogin.bind(client.sessions), { handle });
    const { state, tokens } = answer;
    if (state === 'approved' && tokens !== undefined && tokens.accessToken !== '') return { done: tokens };
    if (state !== 'pending' && state !== 'slow_down') throw malformedLogin();
    return { state, interval: Number(answer.interval) };
  } catch (error) {
    if (isAppError(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED')) {
      return { state: 'away' };
    }
    throw error;
  }
}
