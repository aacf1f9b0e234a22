import * as client from 'openid-client';
import { type AskedLogin, askedParameters } from './authorization.ts';
import { type DeviceStart, readDeviceStart } from './device-start.ts';
import { grantNotOffered } from './failures.ts';
import { abilitiesOf, type ProviderClient, scopeFor } from './provider-client.ts';
import { judgeFailure, toAppError } from './provider-errors.ts';
import type { DevicePoll } from './provider-port.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const DEFAULT_INTERVAL_MS = 5000;

/** A device authorization request (RFC 8628 section 3.1). */
export function startDevice({ ask, options }: ProviderClient, asked: AskedLogin): Promise<DeviceStart> {
  const { allowInsecure = false, pollIntervalMs: intervalMs = DEFAULT_INTERVAL_MS, resource } = options;
  return ask(async (configuration) => {
    const metadata = configuration.serverMetadata();
    if (!abilitiesOf(metadata).device) throw grantNotOffered();
    const scope = scopeFor(metadata, options, asked.scopes);
    const parameters = { ...askedParameters(asked, resource), scope };
    const answer = await client.initiateDeviceAuthorization(configuration, parameters);
    return readDeviceStart(answer, { allowInsecure, intervalMs });
  });
}

/** One request, never a wait. Throws for every answer that ends the flow and isn't denial or expiry (DG-06). */
export async function pollDevice(
  provider: ProviderClient,
  deviceCode: string,
  maxAge: number | undefined,
): Promise<DevicePoll> {
  const configuration = await provider.configuration().catch(() => undefined);
  if (!configuration) return { state: 'unreachable' };
  try {
    const parameters = { ...provider.targets, device_code: deviceCode };
    const answer = await client.genericGrantRequest(configuration, DEVICE_GRANT, parameters);
    return { state: 'approved', tokens: await provider.tokensOf(configuration, answer, maxAge) };
  } catch (raised) {
    return judgePoll(raised);
  }
}

const POLL_STATES: Readonly<Record<string, DevicePoll>> = {
  authorization_pending: { state: 'pending' },
  slow_down: { state: 'slow_down' },
  access_denied: { state: 'denied' },
  expired_token: { state: 'expired' },
  // Some providers forget an expired device code, and then it is a grant like any other unknown one.
  invalid_grant: { state: 'expired' },
};

function judgePoll(raised: unknown): DevicePoll {
  const failure = judgeFailure(raised);
  if (failure.kind === 'network') return { state: 'unreachable' };
  const state = failure.kind === 'answer' && Object.hasOwn(POLL_STATES, failure.error) && POLL_STATES[failure.error];
  if (state) return state;
  throw toAppError(raised);
}
