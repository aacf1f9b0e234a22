import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { type AppError, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Caller, TokenPair } from '../../core/services.ts';
import type { CompletedRenewal, RenewalStore, Session, SessionStore } from '../../core/sessions.ts';
import type { IdentityEvent, OnIdentityEvent } from './events.ts';
import { GRANT_ENDED, IDENTITY_CHANGED, renewalBusy, sessionEnded } from './failures.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Pairs } from './pairs.ts';
import type { Provider } from './provider.ts';
import type { Vault } from './vault.ts';

/** Longer than a provider can take (discovery, token, keys and userinfo at 5 s each) and the write after it. */
const LEASE_MS = 25_000;
const WAIT_STEP_MS = 100;
const MAX_WAITS = LEASE_MS / WAIT_STEP_MS + 20;
const WRITE_ATTEMPTS = 5;

export interface Renewal {
  /** The next generation of a session's pair. All who ask at the same time, in any process, get the same one. */
  renew(caller: Caller): Promise<TokenPair>;
}

export interface RenewalOptions {
  readonly sessions: SessionStore;
  readonly renewals: RenewalStore;
  readonly live: LiveSessions;
  readonly pairs: Pairs;
  readonly vault: Vault;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: OnIdentityEvent;
  readonly failpoint: ReachRenewalFailpoint;
}

/** Crash points for tests (security.md F-26). */
export type ReachRenewalFailpoint = (
  name: 'renew.before-provider' | 'renew.after-provider' | 'renew.after-write',
) => Promise<void> | void;

export function createRenewal(options: RenewalOptions): Renewal {
  const { renewals, live, pairs, clock } = options;
  const running = new Map<string, Promise<TokenPair>>();

  /** Takes the lease and renews, or waits for what its holder makes of it. */
  async function renewOrWait({ session, account }: Caller): Promise<TokenPair> {
    const holder = randomUUID();
    for (let wait = 0; wait < MAX_WAITS; wait += 1) {
      const now = clock.now();
      if (await renewals.acquireRenewal(session.id, session.generation, holder, now + LEASE_MS, now))
        return renewHeld(session.id, holder, options);
      const { session: latest } = await live.caller(session.id, { fresh: true });
      if (latest.generation > session.generation) return pairs.current(latest, account);
      await sleep(WAIT_STEP_MS);
    }
    throw renewalBusy();
  }

  return {
    renew(caller) {
      const { id } = caller.session;
      const joined = running.get(id);
      if (joined) return joined;
      const started = renewOrWait(caller).finally(() => {
        running.delete(id);
        live.forget(id);
      });
      running.set(id, started);
      return started;
    },
  };
}

/** With the lease in hand: the provider's part, then one durable step, then the answer (design "Tokens" 4, RT-04). */
async function renewHeld(id: string, holder: string, options: RenewalOptions): Promise<TokenPair> {
  let completed = false;
  try {
    const caller = await options.live.caller(id, { fresh: true });
    const { session, account } = caller;
    await options.failpoint('renew.before-provider');
    const { token, ...kept } = await askProvider(caller, options);
    await options.failpoint('renew.after-provider');
    const now = options.clock.now();
    const generation = session.generation + 1;
    const notAfter = Math.min(session.expiresAt, now + session.idleMs);
    const pair = await options.pairs.issue({ id: session.id, accountId: account.id, generation }, notAfter);
    const { sealedPair, refreshHash } = pair;
    const renewal = { id: session.id, holder, generation, refreshHash, sealedPair, ...kept, now };
    completed = await write(renewal, options);
    await options.failpoint('renew.after-write');
    return completed ? pair.pairFor(account) : await overtaken(session, account, token, options);
  } finally {
    if (!completed) await options.renewals.releaseRenewal(id, holder).catch(() => undefined);
  }
}

/** What the provider gave: its refresh token, and what the session keeps, sealed. */
interface Renewed
  extends Pick<CompletedRenewal, 'sealedProviderToken' | 'sealedProviderAccess' | 'sealedIdToken' | 'groups'> {
  readonly token: string | undefined;
}

/** The provider's next tokens and groups; unchanged for a session that has no refresh token there. */
async function askProvider(caller: Caller, options: RenewalOptions): Promise<Renewed> {
  const { session, account } = caller;
  const { providers, vault } = options;
  const { id, groups, sealedProviderToken, sealedProviderAccess } = session;
  if (sealedProviderToken === undefined)
    return { token: undefined, sealedProviderToken, sealedProviderAccess, sealedIdToken: undefined, groups };
  const provider = providers.get(account.issuerAlias);
  if (!provider) throw sessionEnded();
  const held = vault.open(sealedProviderToken, 'provider-token', id);
  const expected = { subject: account.subject, authTime: session.authTime };
  try {
    const { refreshToken: token, idToken, access, ...told } = await provider.refresh(held, expected);
    return {
      token,
      sealedProviderToken: vault.seal(token, 'provider-token', id),
      sealedProviderAccess: access && vault.seal(JSON.stringify(access), 'provider-access', id),
      sealedIdToken: idToken && vault.seal(idToken, 'id-token', id),
      groups: told.groups ?? groups,
    };
  } catch (error) {
    throw await endWhereOver(error, caller, options);
  }
}

const ENDINGS: Readonly<Record<string, { kind: IdentityEvent['kind']; reason: string }>> = {
  [GRANT_ENDED]: { kind: 'ended-by-provider', reason: 'ended by the identity provider' },
  [IDENTITY_CHANGED]: { kind: 'identity-changed', reason: 'the identity provider answered for another login' },
};

/** A provider that says no ends the session; one that can't be asked changes nothing (RT-09). */
async function endWhereOver(error: unknown, caller: Caller, options: RenewalOptions): Promise<unknown> {
  const ending = isAppError(error) ? ENDINGS[error.reason] : undefined;
  if (!ending) {
    options.log.warn({ session: caller.session.id, reason: (error as AppError).reason }, 'renewal failed');
    return error;
  }
  await endSession({ caller, ...ending }, options);
  return sessionEnded(error);
}

/** Ends a session that turned out to be over or unsafe, and lets the audit log know. */
export async function endSession(
  { caller, kind, reason }: { caller: Caller; kind: IdentityEvent['kind']; reason: string },
  { sessions, live, clock, onEvent }: Pick<RenewalOptions, 'sessions' | 'live' | 'clock' | 'onEvent'>,
): Promise<void> {
  const at = clock.now();
  await sessions.revokeSession(caller.session.id, reason, at);
  live.forget(caller.session.id);
  await onEvent(eventOf(caller, kind, at));
}

export function eventOf({ session, account, subject }: Caller, kind: IdentityEvent['kind'], at: number): IdentityEvent {
  const { principal } = subject;
  return { kind, at, sessionId: session.id, accountId: account.id, principal, address: session.address };
}

/** The provider's old token is used up by now: a write that fails is tried again while the lease lasts. */
async function write(renewal: CompletedRenewal, { renewals, log }: RenewalOptions): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await renewals.completeRenewal(renewal);
    } catch (error) {
      log.error({ session: renewal.id, attempt }, 'a renewal could not be stored');
      if (attempt >= WRITE_ATTEMPTS) throw error;
      await sleep(attempt * 200);
    }
  }
}

/** Somebody ended the session meanwhile (then the provider's new token is given back), or took the lease. */
async function overtaken(
  session: Session,
  account: Account,
  token: string | undefined,
  { live, pairs, providers }: RenewalOptions,
): Promise<TokenPair> {
  live.forget(session.id);
  const latest = await live.caller(session.id, { fresh: true }).catch(async (error) => {
    if (token !== undefined) await providers.get(account.issuerAlias)?.revoke(token);
    throw error;
  });
  if (latest.session.generation > session.generation) return pairs.current(latest.session, account);
  throw renewalBusy();
}
