import type { GrantName } from '../../credentials/login-settings.ts';
import { ci } from './ci.ts';
import { clientCredentials } from './client-credentials.ts';
import { code } from './code.ts';
import { deviceCode } from './device-code.ts';
import { password } from './password.ts';
import type { Grant } from './types.ts';

export { chooseGrant } from './choice.ts';
export { finishDeviceLogin, startDeviceLogin } from './device-code.ts';
export { exchangeToken, SUBJECT } from './exchange.ts';
export { listProviders } from './providers.ts';

/** All ways to log in, by name. */
export const grants: Readonly<Record<GrantName, Grant>> = {
  device_code: deviceCode,
  code,
  client_credentials: clientCredentials,
  password,
  ci,
};
