import type { AccountStore } from '../../core/accounts.ts';
import { isAppError } from '../../core/errors.ts';
import type { Caller, Peer, Sessions, TokenPair } from '../../core/services.ts';
import type { RefreshTokenRow } from '../../core/sessions.ts';
import { refreshTokenInvalid, sessionEnded } from './failures.ts';
import { opaqueHash, REFRESH_TOKEN_PREFIX } from './opaque.ts';
import { endSession, eventOf, type Renewal, type RenewalOptions } from './renewal.ts';
import { callerOf } from './token-caller.ts';
import type { AccessTokens } from './tokens.ts';
import type { BearerTokens } from './trust/index.ts';

/** For that long a superseded refresh token gets the current pair (design "Tokens" 4). */
const GRACE_MS = 10 * 60_000;

export interface SessionsOptions extends RenewalOptions {
  readonly accounts: AccountStore;
  readonly tokens: AccessTokens;
  readonly renewal: Renewal;
  /** Tokens of others. */
  readonly bearer: BearerTokens;
}

const NOBODY: Peer = { address: '', userAgent: '' };

export function createSessions(options: SessionsOptions): Sessions {
  const { sessions, tokens, live, vault, providers, clock } = options;

  /** Ours first: that is quick, and what nearly every call brings. */
  async function authenticate(accessToken: string, peer: Peer = NOBODY): Promise<Caller> {
    try {
      return await callerOf(await tokens.verify(accessToken), live);
    } catch (error) {
      const isForeign = isAppError(error) && error.reason === 'TOKEN_INVALID' && options.bearer.mayKnow(accessToken);
      if (!isForeign) throw error;
      return options.bearer.caller(accessToken, peer);
    }
  }

  return {
    authenticate,

    async authenticatePair(accessToken, refreshToken) {
      const { claims, expired } = await tokens.inspect(accessToken);
      if (!expired) return { caller: await callerOf(claims, live), renewed: undefined };
      // The two belong together, or the expired one steers nothing (security.md RT-07, RT-08).
      const row = await findRefreshToken(refreshToken, options);
      const { account } = await live.caller(row.sessionId, { fresh: true });
      if (row.sessionId !== claims.sid || account.id !== claims.sub) throw refreshTokenInvalid();
      const renewed = await renewRow(row, options);
      return { caller: await live.caller(claims.sid, { fresh: true }), renewed };
    },

    renew: async (refreshToken) => renewRow(await findRefreshToken(refreshToken, options), options),

    async sessionOfRefreshToken(refreshToken) {
      const hash = opaqueHash(refreshToken, REFRESH_TOKEN_PREFIX);
      const row = hash === undefined ? undefined : await sessions.refreshToken(hash);
      const session = row && (await sessions.sessionById(row.sessionId));
      return session?.revokedAt === undefined ? session : undefined;
    },

    async end({ id, accountId }, reason) {
      // Ours first: from here on no renewal can begin. The row is read again, for the provider's token may be newer.
      const ended = await sessions.revokeSession(id, reason, clock.now());
      live.forget(id);
      const session = ended ? await sessions.sessionById(id) : undefined;
      if (session?.sealedProviderToken === undefined) return true;
      const account = await options.accounts.accountById(accountId);
      const provider = account && providers.get(account.issuerAlias);
      if (!provider) return false;
      return provider.revoke(vault.open(session.sealedProviderToken, 'provider-token', id));
    },

    assertAlive: (sessionId) => live.caller(sessionId),
  };
}

async function findRefreshToken(refreshToken: string, { sessions }: SessionsOptions): Promise<RefreshTokenRow> {
  const hash = opaqueHash(refreshToken, REFRESH_TOKEN_PREFIX);
  const row = hash === undefined ? undefined : await sessions.refreshToken(hash);
  if (!row) throw refreshTokenInvalid();
  return row;
}

/** The current refresh token renews; a superseded one gets the current pair, is refused, or ends the session. */
async function renewRow(row: RefreshTokenRow, options: SessionsOptions): Promise<TokenPair> {
  const { live, pairs, renewal, clock, onEvent } = options;
  const caller = await live.caller(row.sessionId, { fresh: true });
  const { session, account } = caller;
  const behind = session.generation - row.generation;
  if (behind <= 0) {
    await live.markSeen(caller, row.generation);
    return renewal.renew(caller);
  }
  const now = clock.now();
  // Read before its session: where a renewal came between the two reads, it was superseded just now.
  const supersededAt = row.supersededAt ?? now;
  // Giving out the provider's tokens renews too, several times between two looks of a client at its own pair.
  const unseen = session.seenGeneration <= row.generation;
  if (now - supersededAt <= GRACE_MS || unseen) return pairs.current(session, account);
  if (behind === 1) {
    await onEvent(eventOf(caller, 'refresh-token-late', now));
    throw refreshTokenInvalid();
  }
  await endSession({ caller, kind: 'refresh-token-replayed', reason: 'refresh token replayed' }, options);
  throw sessionEnded();
}
