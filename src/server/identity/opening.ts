import type { Account } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { accountPrincipal } from '../../core/principals.ts';
import type { TokenPair } from '../../core/services.ts';
import { type SessionStore, UNAUDITED } from '../../core/sessions.ts';
import type { OnIdentityEvent } from './events.ts';
import { newId } from './opaque.ts';
import type { Pairs } from './pairs.ts';
import type { ProviderTokens } from './provider.ts';
import type { Vault } from './vault.ts';

/** Lifetimes in milliseconds; the defaults stand in the server's config. */
export interface TokenTimes {
  readonly accessTtlMs: number;
  /** A session without renewal ends after this. */
  readonly idleMs: number;
  /** Any session ends after this. */
  readonly maxMs: number;
  /** A session for which the provider gave no refresh token ends after this. */
  readonly withoutRefreshMs: number;
  readonly keyRotationMs: number;
}

/** Opens the session of a login. */
export interface SessionOpening {
  open(
    account: Account,
    tokens: ProviderTokens,
    from: { client: string; host: string; address: string },
  ): Promise<TokenPair>;
}

/** As the store counts: a new session is its first generation. */
const FIRST_GENERATION = 1;

export interface SessionOpeningOptions {
  readonly sessions: SessionStore;
  readonly pairs: Pairs;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly times: TokenTimes;
  readonly onEvent: OnIdentityEvent;
}

export function createSessionOpening(options: SessionOpeningOptions): SessionOpening {
  const { sessions, pairs, vault, clock, times } = options;
  return {
    async open(account, { refreshToken, identity, facts }, { client, host, address }) {
      const id = newId();
      const now = clock.now();
      const lifeMs = refreshToken === undefined ? Math.min(times.withoutRefreshMs, times.maxMs) : times.maxMs;
      const expiresAt = now + lifeMs;
      const notAfter = Math.min(expiresAt, now + times.idleMs);
      const pair = await pairs.issue({ id, accountId: account.id, generation: FIRST_GENERATION }, notAfter);
      const session = {
        id,
        accountId: account.id,
        createdAt: now,
        expiresAt,
        idleMs: times.idleMs,
        authTime: identity.authTime,
        groups: identity.groups,
        client,
        host,
        address,
        sealedProviderToken: refreshToken && vault.seal(refreshToken, 'provider-token', id),
        sealedPair: pair.sealedPair,
        origin: account.issuerAlias,
        providerSid: facts?.sid ?? '',
        acr: facts?.acr ?? '',
        sealedIdToken: facts?.idToken && vault.seal(facts.idToken, 'id-token', id),
        sealedProviderAccess: facts?.access && vault.seal(JSON.stringify(facts.access), 'provider-access', id),
        exchangeHash: undefined,
        scopes: undefined,
      };
      await sessions.createSession(session, pair.refreshHash);
      await tellOpened({ id, account, address, now }, options);
      return pair.pairFor(account);
    },
  };
}

/** What can't be audited doesn't happen: then the session is ended before anybody has its tokens. */
async function tellOpened(
  { id, account, address, now }: { id: string; account: Account; address: string; now: number },
  { sessions, onEvent }: SessionOpeningOptions,
): Promise<void> {
  const principal = accountPrincipal(account);
  try {
    await onEvent({ kind: 'session-opened', at: now, sessionId: id, accountId: account.id, principal, address });
  } catch (error) {
    await sessions.revokeSession(id, UNAUDITED, now);
    throw error;
  }
}
