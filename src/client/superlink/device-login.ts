import type { Clock } from '../../core/clock.ts';
import { AppError, type ErrorCode, isAppError } from '../../core/errors.ts';
import type { FlowerTokens } from '../../flower/control.ts';
import { rpcs } from '../../flower/rpcs.ts';
import type { GetLoginDetailsResponse } from '../../gen/flwr/proto/control.ts';
import { checkWebAddresses, type PendingLogin, pollingOf } from '../grants/polling.ts';
import type { SuperlinkSession } from './session.ts';

/** What a SuperLink calls having no login (flower/facts 1.1). */
const NO_LOGIN: readonly string[] = ['', 'noop'];

export interface DeviceLogin {
  readonly session: SuperlinkSession;
  readonly address: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Wait no longer than this, in seconds; undefined = as long as the SuperLink allows. */
  readonly timeout: number | undefined;
  /** Shows what to do; called once. */
  readonly show: (pending: PendingLogin) => Promise<void>;
}

/**
 * Flower's own login (flower/facts 1.1): details, then polls until both tokens are there.
 * @throws FAILED_PRECONDITION LOGIN_OFF, LOGIN_UNSUPPORTED; UNAUTHENTICATED LOGIN_EXPIRED; INTERNAL LOGIN_ADDRESS_REFUSED
 */
export async function logInToSuperlink(request: DeviceLogin): Promise<FlowerTokens> {
  const details = await askForDetails(request);
  checkWebAddresses([details.verificationUriComplete]);
  const polling = pollingOf(request, { expiresIn: Number(details.expiresIn), interval: Number(details.interval) });
  await request.show({
    userCode: codeIn(details.verificationUriComplete),
    verificationUri: details.verificationUriComplete,
    verificationUriComplete: details.verificationUriComplete,
    provider: '',
    onlyHere: false,
    expiresIn: polling.life,
    secondsLeft: polling.secondsLeft,
  });
  return await polling.until(async () => await pollOnce(request, details));
}

async function askForDetails({ session, address }: DeviceLogin): Promise<GetLoginDetailsResponse> {
  const details = await session.call(rpcs.getLoginDetails, {}).catch((error: unknown) => {
    if (isAppError(error) && error.code === 'UNIMPLEMENTED') return undefined;
    throw error;
  });
  if (details === undefined || NO_LOGIN.includes(details.authnType)) {
    const text = `The SuperLink at ${address} has no login: everybody who reaches it may use it.`;
    throw new AppError('FAILED_PRECONDITION', 'LOGIN_OFF', text, {
      hint: 'Use it as it is: fedctl run. A fedctl control plane in front of it gives it a login.',
    });
  }
  if (details.authnType === 'oidc') return details;
  const text = `The SuperLink at ${address} has a kind of login that fedctl does not know.`;
  throw new AppError('FAILED_PRECONDITION', 'LOGIN_UNSUPPORTED', text);
}

/** An empty answer, or one token alone, says that nobody has approved yet. */
async function pollOnce({ session, signal }: DeviceLogin, { deviceCode }: GetLoginDetailsResponse) {
  try {
    const tokens = await session.call(rpcs.getAuthTokens, { deviceCode }, { signal });
    return tokens.accessToken === '' || tokens.refreshToken === '' ? { state: 'pending' as const } : { done: tokens };
  } catch (error) {
    const away: readonly ErrorCode[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED'];
    if (isAppError(error) && away.includes(error.code)) return { state: 'away' as const };
    throw error;
  }
}

/** The code is shown to be compared, where the address holds it. */
function codeIn(uri: string): string {
  return new URL(uri).searchParams.get('user_code') ?? '';
}
