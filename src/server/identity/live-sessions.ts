import { type Account, type AccountStore, LOCAL_ISSUER } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { accountPrincipal } from '../../core/principals.ts';
import type { Caller } from '../../core/services.ts';
import type { Session, SessionStore } from '../../core/sessions.ts';
import { sessionEnded, tokenExpired } from './failures.ts';
import { createLru } from './lru.ts';
import { sessionEnd } from './pairs.ts';
import type { Provider } from './provider.ts';

/** Under 1 s, so that what another process revoked is refused here within 1 s. */
const MAX_AGE_MS = 900;
const MAX_SESSIONS = 20_000;

/** Sessions with their accounts as callers, read at most once a second each. */
export interface LiveSessions {
  /**
   * @throws UNAUTHENTICATED SESSION_ENDED for an unknown, ended, idle or outlived session, or one of a removed provider;
   *   TOKEN_EXPIRED for one of a trusted issuer's token whose time is over
   */
  caller(id: string, options?: { fresh?: boolean }): Promise<Caller>;
  /** Notes that a client has this generation; written once per generation. */
  markSeen(caller: Caller, generation: number): Promise<void>;
  /** What was read of this session is stale. */
  forget(id: string): void;
}

export interface LiveSessionsOptions {
  readonly sessions: SessionStore;
  readonly accounts: AccountStore;
  readonly providers: ReadonlyMap<string, Pick<Provider, 'issuer'>>;
  /** Aliases of trusted issuers, and whether their rules still give what a session was given. */
  readonly trusted?: ReadonlySet<string> | undefined;
  readonly isGranted?: ((session: Session, account: Account) => boolean) | undefined;
  readonly clock: Clock;
}

interface Entry {
  readonly caller: Caller;
  readonly readAt: number;
}

export function createLiveSessions(options: LiveSessionsOptions): LiveSessions {
  const { sessions, accounts, providers, trusted, isGranted = () => true, clock } = options;
  const entries = createLru<Entry>(MAX_SESSIONS);
  const seen = createLru<number>(MAX_SESSIONS);
  const reading = new Map<string, Promise<Caller>>();
  // A read that began before a `forget` must not be remembered after it.
  let epoch = 0;

  async function read(id: string): Promise<Caller> {
    const began = { epoch, at: clock.monotonic() };
    const session = await sessions.sessionById(id);
    const account = session && (await accounts.accountById(session.accountId));
    if (!session || !account) throw sessionEnded();
    // Groups are of the issuer that named them, which is not always the one of the account.
    const issuerAlias = session.origin || account.issuerAlias;
    const subject = { principal: accountPrincipal(account), issuerAlias, groups: session.groups };
    const caller: Caller = { session, account, subject, scopes: session.scopes };
    if (began.epoch === epoch) entries.set(id, { caller, readAt: began.at });
    return caller;
  }
  function readOnce(id: string): Promise<Caller> {
    const running = reading.get(id);
    if (running) return running;
    const started = read(id).finally(() => {
      if (reading.get(id) === started) reading.delete(id);
    });
    reading.set(id, started);
    return started;
  }
  function remembered(id: string): Caller | undefined {
    const entry = entries.get(id);
    return entry && clock.monotonic() - entry.readAt < MAX_AGE_MS ? entry.caller : undefined;
  }
  /** The tables that it came from, and that its account is of, still stand in the config. */
  function isConfigured({ session, account }: Caller): boolean {
    const { origin } = session;
    const { issuer, issuerAlias } = account;
    if (issuer !== LOCAL_ISSUER.issuer && providers.get(issuerAlias)?.issuer !== issuer) return false;
    if (trusted?.has(origin)) return isGranted(session, account);
    return origin === '' || providers.has(origin);
  }
  function checkAlive(caller: Caller): void {
    const { session } = caller;
    if (session.revokedAt !== undefined || !isConfigured(caller)) throw sessionEnded();
    if (sessionEnd(session) > clock.now()) return;
    // The session of a trusted issuer's token ends as that token does: its holder gets a new one, and a stream goes on.
    throw trusted?.has(session.origin) ? tokenExpired() : sessionEnded();
  }

  return {
    async caller(id, { fresh = false } = {}) {
      const caller = (fresh ? undefined : remembered(id)) ?? (await (fresh ? read(id) : readOnce(id)));
      checkAlive(caller);
      return caller;
    },
    async markSeen({ session }, generation) {
      if (generation <= Math.max(session.seenGeneration, seen.get(session.id) ?? 0)) return;
      await sessions.markSeen(session.id, generation);
      seen.set(session.id, generation);
    },
    forget(id) {
      epoch += 1;
      entries.delete(id);
      reading.delete(id);
    },
  };
}
