import type { AccountStore } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { LoginStore } from '../../core/sessions.ts';
import type { OnIdentityEvent } from './events.ts';
import type { LoginLimits } from './login-limits.ts';
import type { Waiting } from './login-waiting.ts';
import type { SessionOpening } from './opening.ts';
import type { Provider } from './provider.ts';
import type { Vault } from './vault.ts';

/** What logins and their pages work with. */
export interface LoginOptions {
  /** By alias, in the order of the config. */
  readonly providers: ReadonlyMap<string, Provider>;
  readonly logins: LoginStore;
  readonly accounts: AccountStore;
  readonly opening: SessionOpening;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: LoginLimits;
  readonly onEvent: OnIdentityEvent;
  readonly waiting: Waiting;
  /** Of the HTTPS port: where the device page and the redirects of providers are. */
  readonly publicUrl: string;
}
