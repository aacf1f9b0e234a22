import { setTimeout as delay } from 'node:timers/promises';
import { isLoopback } from '../../core/addresses.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { expiredLogin, malformedLogin } from './answers.ts';

/** Poll no faster than this, whatever the server says; RFC 8628 3.5 counts in seconds. */
const MIN_INTERVAL_S = 1;
/** RFC 8628 3.2: the interval where none is named. */
const DEFAULT_INTERVAL_S = 5;
const MAX_LIFE_S = 3600;

/** What a person needs to approve a login. */
export interface PendingLogin {
  /** Empty where the server names none. */
  readonly userCode: string;
  readonly verificationUri: string;
  /** The address with the code in it; the plain one where the provider has none. */
  readonly verificationUriComplete: string;
  readonly provider: string;
  /** Only a browser on this machine will do: its answer comes to a loopback address. */
  readonly onlyHere: boolean;
  /** Seconds at the start. */
  readonly expiresIn: number;
  readonly secondsLeft: () => number;
}

/** What one poll gave. `away`: the connection failed. `interval` in seconds; 0 where the server names none. */
export type Poll<Tokens> =
  | { readonly done: Tokens }
  | { readonly state: 'pending' | 'slow_down'; readonly interval?: number }
  | { readonly state: 'away' };

export interface Polling {
  /** Seconds. */
  readonly life: number;
  readonly secondsLeft: () => number;
  /** Asks until there are tokens. @throws UNAUTHENTICATED LOGIN_EXPIRED, and what `poll` throws */
  until<Tokens>(poll: () => Promise<Poll<Tokens>>): Promise<Tokens>;
}

/** The rhythm of a device login (RFC 8628), from the times that the server named. @throws INTERNAL ANSWER_MALFORMED */
export function pollingOf(
  { clock, signal, timeout }: { clock: Clock; signal: AbortSignal; timeout?: number | undefined },
  named: { expiresIn: number; interval: number },
): Polling {
  if (!(named.expiresIn > 0)) throw malformedLogin();
  const life = Math.min(named.expiresIn, MAX_LIFE_S, timeout ?? MAX_LIFE_S);
  const endsAt = clock.monotonic() + life * 1000;
  return {
    life,
    secondsLeft: () => Math.max(0, Math.ceil((endsAt - clock.monotonic()) / 1000)),
    async until(poll) {
      let interval = named.interval || DEFAULT_INTERVAL_S;
      for (;;) {
        const wait = Math.max(interval, MIN_INTERVAL_S) * 1000;
        // DG-07: never ask after the end; the person should not wait for a poll that can't succeed either.
        const left = endsAt - clock.monotonic();
        if (left <= 0) throw expiredLogin();
        await delay(Math.min(wait, left), undefined, { signal });
        if (clock.monotonic() >= endsAt) throw expiredLogin();
        const answer = await poll();
        if ('done' in answer) return answer.done;
        // DG-04: wait longer and ask again.
        interval = answer.state === 'away' ? interval * 2 : nextInterval(interval, answer.state, answer.interval ?? 0);
      }
    },
  };
}

/** DG-03: slow_down is final for all later polls, and adds 5 s where the server names no interval. */
function nextInterval(interval: number, state: 'pending' | 'slow_down', named: number): number {
  if (named > 0) return state === 'slow_down' ? Math.max(named, interval) : named;
  return state === 'slow_down' ? interval + 5 : interval;
}

/** @throws INTERNAL LOGIN_ADDRESS_REFUSED for the first that must not be opened */
export function checkWebAddresses(uris: readonly string[]): void {
  if (uris.every(isWebAddress)) return;
  const text = 'The server named a login page that is no safe web address.';
  throw new AppError('INTERNAL', 'LOGIN_ADDRESS_REFUSED', text, {
    hint: "Tell the server's operator; nothing was opened.",
  });
}

/** DG-11: https, or http on this machine; no user info; nothing that a terminal or shell would act on. */
export function isWebAddress(uri: string): boolean {
  if (!URL.canParse(uri) || !/^[\x21-\x7e]{1,8000}$/.test(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return protocol === 'http:' && isLoopback(hostname);
}
