import type { StartLoginResponse } from '../../gen/fedctl/v1/sessions.ts';
import { callUnary } from '../unary.ts';
import type { GrantRequest } from './types.ts';

/** Starts a login that a browser finishes. */
export async function startLogin(
  { client, settings, demands, program, host }: GrantRequest,
  { grant, redirectUri }: { grant: 'device_code' | 'code'; redirectUri: string },
): Promise<StartLoginResponse> {
  const { prompt, maxAge, acrValues, loginHint } = demands;
  return await callUnary(client, client.sessions.startLogin.bind(client.sessions), {
    provider: settings.provider ?? '',
    client: program,
    host,
    grant,
    redirectUri,
    prompt,
    scopes: [...(settings.scopes ?? [])],
    acrValues: [...acrValues],
    loginHint,
    ...(maxAge !== undefined && { maxAge: BigInt(maxAge) }),
  });
}
