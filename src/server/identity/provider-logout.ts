import { createHash } from 'node:crypto';
import type { AccountStore } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { accountPrincipal } from '../../core/principals.ts';
import type { Peer, ProviderLogout } from '../../core/services.ts';
import type { OnceStore, Session, SessionStore } from '../../core/sessions.ts';
import type { OnIdentityEvent } from './events.ts';
import type { LiveSessions } from './live-sessions.ts';
import { createLogoutTokens, type LogoutNotice, type LogoutTokens } from './logout-token.ts';
import { newOpaque, opaqueHash } from './opaque.ts';
import type { Provider, ProviderTokens } from './provider.ts';
import { isLoopbackHttp } from './transport.ts';
import type { Vault } from './vault.ts';

export interface ProviderLogoutOptions {
  /** By alias. */
  readonly providers: ReadonlyMap<string, Pick<Provider, 'alias' | 'issuer' | 'clientId' | 'metadata' | 'readKeys'>>;
  readonly sessions: Pick<SessionStore, 'liveSessions' | 'accountsOfProviderSid' | 'revokeSession'>;
  readonly accounts: Pick<AccountStore, 'findAccounts' | 'accountById'>;
  readonly once: OnceStore;
  readonly live: Pick<LiveSessions, 'forget'>;
  /** Ends logins that are approved and not fetched yet. */
  readonly endApproved: (alias: string, isMeant: (tokens: ProviderTokens) => boolean) => Promise<number>;
  readonly vault: Pick<Vault, 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: OnIdentityEvent;
  /** Of this server: where browsers come back to. */
  readonly publicUrl: string;
}

/** Registered at the provider, exactly so (security.md LO-04). */
const LOGGED_OUT_PATH = '/logout/done';
const STATE_PREFIX = 'fedlo_';
const STATE_LIFE_MS = 3600_000;
/** A longer ID token is left out of the address: servers cut addresses off at about 8 KB. */
const MAX_HINT = 5000;
const ENDED = 'ended by the identity provider';

/** What identity providers tell of logouts: OpenID Connect Back-Channel Logout 1.0 and RP-Initiated Logout 1.0. */
export function createProviderLogout(options: ProviderLogoutOptions): ProviderLogout {
  const { providers, once, clock, log } = options;
  const readers = new Map<string, LogoutTokens>(
    [...providers].map(([alias, provider]) => [alias, createLogoutTokens({ ...provider, clock })]),
  );

  async function read(alias: string, token: string): Promise<LogoutNotice> {
    const reader = readers.get(alias);
    if (!reader) throw logoutTokenInvalid(new Error('no such provider'));
    try {
      return await reader.read(token);
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      throw logoutTokenInvalid(withoutToken(cause));
    }
  }

  return {
    async backChannel(alias, logoutToken, peer) {
      const notice = await read(alias, logoutToken);
      const key = `logout-token:${sha256(`${alias}\0${notice.jti}`)}`;
      if (!(await once.claimOnce(key, notice.endsAt, clock.now())))
        throw logoutTokenInvalid(new Error('jti: replayed'));
      try {
        const ended = await endAll(alias, notice, peer, options);
        log.info({ provider: alias, ended }, 'the identity provider ended sessions');
        return ended;
      } catch (error) {
        // The provider may tell it again.
        await once.takeOnce(key, clock.now()).catch(() => false);
        throw error;
      }
    },

    async endSessionUrl(session) {
      const provider = providers.get(session.origin);
      const { end_session_endpoint: endpoint } = (await provider?.metadata()) ?? {};
      if (!provider || typeof endpoint !== 'string' || !isForBrowsers(endpoint)) return '';
      const state = newOpaque(STATE_PREFIX);
      await once.claimOnce(stateKey(state) ?? '', clock.now() + STATE_LIFE_MS, clock.now());
      const url = new URL(endpoint);
      const hint = idTokenOf(session, options);
      if (hint !== undefined) url.searchParams.set('id_token_hint', hint);
      url.searchParams.set('client_id', provider.clientId);
      url.searchParams.set('post_logout_redirect_uri', new URL(LOGGED_OUT_PATH, options.publicUrl).href);
      url.searchParams.set('state', state);
      return url.href;
    },

    async ended(state) {
      const key = stateKey(state);
      if (key === undefined || !(await once.takeOnce(key, clock.now()))) throw logoutStateUnknown();
    },
  };
}

/**
 * Ends what the provider has ended: its session `sid`, or all sessions of the person. It needs no word of ours about it.
 * A session of that person whose `sid` the provider never told may be the one, so it ends as well.
 */
async function endAll(
  alias: string,
  notice: LogoutNotice,
  peer: Peer,
  options: ProviderLogoutOptions,
): Promise<number> {
  const { sessions, clock } = options;
  const now = clock.now();
  const accountIds = await accountsOf(alias, notice, options);
  // First: what is fetched from here on finds no session to open.
  let count = await options.endApproved(alias, (tokens) => isOf(notice, tokens));
  for (const accountId of accountIds) {
    for (const session of await sessions.liveSessions({ accountId, origin: alias }, now)) {
      const isMeant = notice.sid === undefined || [notice.sid, ''].includes(session.providerSid);
      if (isMeant && (await endOne(session, peer, options))) count += 1;
    }
  }
  return count;
}

function isOf({ subject, sid }: LogoutNotice, { identity, facts }: ProviderTokens): boolean {
  const known = facts?.sid ?? '';
  // Without a subject only the very session is meant.
  const isSession = sid === undefined || known === sid || (known === '' && subject !== undefined);
  return isSession && (subject === undefined || identity.subject === subject);
}

async function accountsOf(alias: string, { subject, sid }: LogoutNotice, options: ProviderLogoutOptions) {
  const { sessions, accounts, providers, clock } = options;
  const issuer = providers.get(alias)?.issuer ?? '';
  const named = subject === undefined ? undefined : await accounts.findAccounts({ issuer, subject });
  if (named) return named.map(({ id }) => id);
  return sid === undefined ? [] : sessions.accountsOfProviderSid(alias, sid, clock.now());
}

async function endOne({ id, accountId }: Session, peer: Peer, options: ProviderLogoutOptions): Promise<boolean> {
  const { sessions, accounts, live, clock, onEvent } = options;
  const isOurs = await sessions.revokeSession(id, ENDED, clock.now());
  live.forget(id);
  if (!isOurs) return false;
  const account = await accounts.accountById(accountId);
  await onEvent({
    kind: 'ended-by-provider',
    at: clock.now(),
    sessionId: id,
    accountId,
    principal: account ? accountPrincipal(account) : '',
    address: peer.address,
  });
  return true;
}

function idTokenOf(session: Session, { vault }: ProviderLogoutOptions): string | undefined {
  if (session.sealedIdToken === undefined) return undefined;
  const token = vault.open(session.sealedIdToken, 'id-token', session.id);
  return token.length <= MAX_HINT ? token : undefined;
}

function isForBrowsers(endpoint: string): boolean {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  return url !== undefined && (url.protocol === 'https:' || isLoopbackHttp(url));
}

function stateKey(state: string): string | undefined {
  const hash = opaqueHash(state, STATE_PREFIX);
  return hash === undefined ? undefined : `logout-state:${hash}`;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Errors of jose hold the claims that they are about; the log gets their text alone. */
const withoutToken = (cause: unknown) => new Error(String((cause as { message?: unknown } | undefined)?.message));

const logoutTokenInvalid = (cause: unknown) =>
  new AppError('INVALID_ARGUMENT', 'LOGOUT_TOKEN_INVALID', 'This is no logout token that counts here.', { cause });

const logoutStateUnknown = () =>
  new AppError('INVALID_ARGUMENT', 'LOGOUT_STATE_UNKNOWN', 'This logout did not begin here, or it is over.', {
    hint: 'To be sure, run: fedctl logout',
  });
