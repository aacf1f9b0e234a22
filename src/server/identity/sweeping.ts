import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Service } from '../../core/services.ts';
import type { LoginStore, SessionStore } from '../../core/sessions.ts';
import type { SigningKeys } from './keys.ts';
import type { Provider } from './provider.ts';

const EVERY_MS = 60_000;
/** Ended sessions are kept that long, so that their owners can be told what happened to them. */
const KEEP_ENDED_MS = 7 * 24 * 3600_000;

export interface SweepingOptions {
  readonly logins: LoginStore;
  readonly sessions: SessionStore;
  readonly keys: SigningKeys;
  /** Closed at the end. */
  readonly providers: Iterable<Pick<Provider, 'close'>>;
  /** Tells providers of logins that were approved and never fetched. */
  readonly giveBackUnfetched: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Identity's background duty: keys made and rotated in time, what is over is deleted. */
export function createSweeping(options: SweepingOptions): Service {
  const { logins, sessions, keys, providers, clock, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> | undefined;
  let stopped = false;

  async function sweep(): Promise<void> {
    const now = clock.now();
    if (await keys.rotateIfDue()) log.info({}, 'the signing key was rotated');
    await keys.sweep();
    await options.giveBackUnfetched();
    await logins.sweepLogins(now);
    await sessions.sweepSessions(now - KEEP_ENDED_MS);
  }
  function later(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      round = sweep()
        .catch((error: unknown) => log.error({ err: error }, 'sweeping sessions and keys failed'))
        .then(later);
    }, EVERY_MS);
    timer.unref();
  }
  return {
    async start() {
      stopped = false;
      await keys.signer();
      await sweep();
      later();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await round;
      for (const provider of providers) await provider.close();
    },
  };
}
