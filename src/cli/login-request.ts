import { hostname } from 'node:os';
import type { Client } from '../client/channel.ts';
import type { PendingLogin } from '../client/grants/polling.ts';
import type { GrantRequest, LoginDemands } from '../client/grants/types.ts';
import type { LoginSettings } from '../credentials/login-settings.ts';
import type { Connection } from '../project/connections.ts';
import { loopbackHost, surroundings } from './browser.ts';
import type { Context } from './context.ts';
import { loginSecrets, type SecretOnStdin } from './login-secrets.ts';

export interface RequestParts {
  readonly context: Context;
  readonly connection: Connection;
  readonly client: Client;
  readonly settings: LoginSettings;
  readonly demands: LoginDemands;
  readonly stdin: SecretOnStdin | undefined;
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly show: (pending: PendingLogin) => Promise<void>;
}

/** All that a grant needs to know. */
export function grantRequest({ context, connection, stdin, ...parts }: RequestParts): GrantRequest {
  const { program, env, clock, signal } = context;
  return {
    ...parts,
    secrets: loginSecrets(context, { settings: parts.settings, stdin, host: connection.host }),
    program,
    host: hostname(),
    loopbackHost: loopbackHost(surroundings(env)),
    env,
    clock,
    signal,
  };
}
