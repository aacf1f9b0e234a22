import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import type { LoginSettings } from '../../credentials/login-settings.ts';
import type { Client } from '../channel.ts';
import type { NewLogin } from '../login.ts';
import type { PendingLogin } from './polling.ts';

/** What a login demands of the provider, once (OIDC Core 3.1.2.1). */
export interface LoginDemands {
  /** "login": the provider must ask who it is, whatever its browser session says. */
  readonly prompt: '' | 'login';
  /** Seconds; undefined = any age of the authentication. */
  readonly maxAge: number | undefined;
  readonly acrValues: readonly string[];
  /** Account name or e-mail for the provider's form. */
  readonly loginHint: string;
}

/** A login that demands nothing. */
export const NO_DEMANDS: LoginDemands = { prompt: '', maxAge: undefined, acrValues: [], loginHint: '' };

/** Where secrets come from, each asked for once and only by the grant that needs it: files, environment, stdin, a prompt. */
export interface LoginSecrets {
  clientSecret(): Promise<Secret>;
  password(): Promise<{ readonly username: string; readonly password: Secret }>;
  /** The token of a workload; undefined where none is given or found without asking the network. */
  workloadToken(): Promise<Secret | undefined>;
}

export interface GrantRequest {
  readonly client: Client;
  readonly settings: LoginSettings;
  readonly demands: LoginDemands;
  readonly secrets: LoginSecrets;
  /** "fedctl 0.1.0" */
  readonly program: string;
  /** Name of this machine. */
  readonly host: string;
  /** How a browser on this machine reaches our listener: "localhost" where it runs on the other side of WSL. */
  readonly loopbackHost: '127.0.0.1' | 'localhost';
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Wait for a person no longer than this, in seconds; undefined = as long as the server allows. */
  readonly timeout: number | undefined;
  /** Shows what to do; called once at most. */
  readonly show: (pending: PendingLogin) => Promise<void>;
}

/** A way to log in: from nothing to tokens. */
export type Grant = (request: GrantRequest) => Promise<NewLogin>;
