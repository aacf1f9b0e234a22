import type { AccountStore } from '../../../core/accounts.ts';
import type { Clock } from '../../../core/clock.ts';
import { isAppError } from '../../../core/errors.ts';
import { accountPrincipal } from '../../../core/principals.ts';
import { type NewSession, type Session, type SessionStore, UNAUDITED } from '../../../core/sessions.ts';
import { display } from '../claims.ts';
import type { OnIdentityEvent } from '../events.ts';
import { sessionEnded } from '../failures.ts';
import { newId } from '../opaque.ts';
import { sessionEnd } from '../pairs.ts';
import { usedBefore } from './failures.ts';
import { type Holder, holderOf } from './holder.ts';
import type { TrustRule, ValidToken } from './types.ts';

/** What asks, as it is recorded with the session. */
export interface Asker {
  readonly client: string;
  readonly host: string;
  readonly address: string;
}

/** Sessions of tokens of others: short, without a refresh token, and one for each token (security.md TX-05, TX-06). */
export interface ExchangedSessions {
  /**
   * The session of that token: the one that it has, or a new one.
   * @param hash - what makes the token known again, SHA-256 in hex
   * @throws UNAUTHENTICATED SESSION_ENDED where it was ended before its time, TOKEN_USED where its rule lets it be used once
   */
  of(token: ValidToken, rule: TrustRule, from: Asker & { hash: string }): Promise<string>;
}

export interface ExchangedSessionsOptions {
  readonly sessions: SessionStore;
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly onEvent: OnIdentityEvent;
}

export function createExchangedSessions(options: ExchangedSessionsOptions): ExchangedSessions {
  const { sessions, accounts, clock, onEvent } = options;

  async function standing(hash: string, rule: TrustRule): Promise<string | undefined> {
    const session = await sessions.sessionByExchange(hash);
    if (!session || session.revokedReason === UNAUDITED) return undefined;
    if (rule.oneTime) throw usedBefore();
    if (session.revokedAt !== undefined) throw sessionEnded();
    return sessionEnd(session) > clock.now() ? session.id : undefined;
  }

  return {
    async of(token, rule, from) {
      const known = await standing(from.hash, rule);
      if (known !== undefined) return known;
      const now = clock.now();
      const holder = await holderOf(token, rule, { accounts, now });
      const session = newSession({ token, rule, holder, from, now });
      try {
        await sessions.createSession(session, undefined);
      } catch (error) {
        // Somebody else was first with the same token.
        const isTaken = isAppError(error) && error.reason === 'STORE_CONFLICT';
        const theirs = isTaken ? await standing(from.hash, rule) : undefined;
        if (theirs === undefined) throw error;
        return theirs;
      }
      await tell(session, holder, { sessions, onEvent, now });
      return session.id;
    },
  };
}

interface Made {
  readonly token: ValidToken;
  readonly rule: TrustRule;
  readonly holder: Holder;
  readonly from: Asker & { hash: string };
  readonly now: number;
}

function newSession({ token, rule, holder, from, now }: Made): NewSession {
  const { account, identity } = holder;
  const expiresAt = Math.min(now + rule.maxLifeMs, token.end);
  return {
    id: newId(),
    accountId: account.id,
    createdAt: now,
    expiresAt,
    idleMs: Math.max(1, expiresAt - now),
    authTime: identity.authTime,
    groups: identity.groups,
    client: from.client,
    host: from.host,
    address: from.address,
    sealedProviderToken: undefined,
    sealedPair: '',
    origin: token.issuer.alias,
    providerSid: '',
    acr: display(token.claims.acr),
    sealedIdToken: undefined,
    sealedProviderAccess: undefined,
    exchangeHash: from.hash,
    scopes: rule.scopes,
  };
}

/** What can't be audited doesn't happen. */
async function tell(
  { id, address }: Pick<Session, 'id' | 'address'>,
  { account }: Holder,
  { sessions, onEvent, now }: Pick<ExchangedSessionsOptions, 'sessions' | 'onEvent'> & { now: number },
): Promise<void> {
  const principal = accountPrincipal(account);
  try {
    await onEvent({ kind: 'session-opened', at: now, sessionId: id, accountId: account.id, principal, address });
  } catch (error) {
    await sessions.revokeSession(id, UNAUDITED, now);
    throw error;
  }
}
