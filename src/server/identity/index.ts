import type { AccountStore } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type {
  Login,
  LoginPages,
  ProviderLogout,
  PublicKeys,
  Service,
  Sessions,
  TokenExchange,
} from '../../core/services.ts';
import type { KeyStore, LoginStore, OnceStore, RenewalStore, SessionStore } from '../../core/sessions.ts';
import type { OnIdentityEvent } from './events.ts';
import { createSigningKeys } from './keys.ts';
import { createLiveSessions } from './live-sessions.ts';
import { createLogin } from './login.ts';
import { endApproved, giveBackUnfetched } from './login-approval.ts';
import { DEFAULT_LOGIN_LIMITS, type LoginLimits } from './login-limits.ts';
import { createLoginPages } from './login-pages.ts';
import { createWaiting } from './login-waiting.ts';
import { createSessionOpening, type TokenTimes } from './opening.ts';
import { createPairs } from './pairs.ts';
import { createProvider, type Provider, type ProviderOptions } from './provider.ts';
import { createProviderLogout } from './provider-logout.ts';
import { createRenewal, type ReachRenewalFailpoint } from './renewal.ts';
import { createSessions } from './sessions.ts';
import { createSweeping } from './sweeping.ts';
import { createAccessTokens } from './tokens.ts';
import { isGranted } from './trust/grants.ts';
import { createTrust, type TrustOptions, type TrustRule } from './trust/index.ts';
import { createProviderToken } from './trust/provider-token.ts';
import type { Vault } from './vault.ts';

export type { IdentityEvent, OnIdentityEvent } from './events.ts';
export type { LoginLimits } from './login-limits.ts';
export type { TokenTimes } from './opening.ts';
export type { ProviderOptions } from './provider.ts';
export type { TrustOptions, TrustRule } from './trust/index.ts';
export { openVault, type Vault } from './vault.ts';

const DAY = 24 * 3600_000;

/** design "Tokens": 10 minutes; 14 idle days, 30 at most; 12 hours without a refresh token; keys for 30 days. */
export const DEFAULT_TOKEN_TIMES: TokenTimes = {
  accessTtlMs: 600_000,
  idleMs: 14 * DAY,
  maxMs: 30 * DAY,
  withoutRefreshMs: DAY / 2,
  keyRotationMs: 30 * DAY,
};

export interface IdentityOptions {
  /** Public URL of this server: `iss` of our tokens. */
  readonly issuerUrl: string;
  /** Resource identifier of this server, `aud` of our tokens; default: the issuer URL. */
  readonly audience?: string | undefined;
  /** At least one; the first is the default of a login that names none. */
  readonly providers: readonly ProviderOptions[];
  /** Issuers whose tokens are taken without a login, and whom they stand for. */
  readonly trust?: { readonly issuers: readonly TrustOptions[]; readonly rules: readonly TrustRule[] } | undefined;
  /** Other services that tokens of ours may be narrowed to. */
  readonly audiences?: readonly string[] | undefined;
  /** From `openVault`. */
  readonly vault: Vault;
  readonly tokens?: Partial<TokenTimes> | undefined;
  readonly limits?: Partial<LoginLimits> | undefined;
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly renewals: RenewalStore;
  readonly logins: LoginStore;
  readonly keys: KeyStore;
  readonly once: OnceStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent?: OnIdentityEvent | undefined;
  readonly failpoint?: ReachRenewalFailpoint | undefined;
}

export interface IdentityParts {
  readonly login: Login;
  readonly pages: LoginPages;
  readonly sessions: Sessions;
  readonly exchange: TokenExchange;
  readonly providerLogout: ProviderLogout;
  readonly keys: PublicKeys;
  /** `start` makes the first signing key; `stop` ends the sweeps and closes connections to the providers. */
  readonly service: Service;
  /** Resolves when every provider's metadata can be had now. @throws as the first that can't */
  probe(): Promise<void>;
}

/** Puts identity together. Starts nothing and asks nobody. @throws FAILED_PRECONDITION for bad provider settings */
export function createIdentity(options: IdentityOptions): IdentityParts {
  const { vault, clock, log, accounts, sessions, renewals, logins } = options;
  const times: TokenTimes = { ...DEFAULT_TOKEN_TIMES, ...options.tokens };
  const { onEvent = () => undefined, failpoint = () => undefined } = options;
  const providers = createProviders(options);
  const { accessTtlMs, keyRotationMs, idleMs } = times;
  const keys = createSigningKeys({
    store: options.keys,
    vault,
    clock,
    rotationMs: keyRotationMs,
    accessTtlMs,
    rememberMs: idleMs,
  });
  const issuer = options.issuerUrl;
  const audience = options.audience ?? issuer;
  const tokens = createAccessTokens({ issuer, audience, keys, clock, ttlMs: accessTtlMs });
  const pairs = createPairs({ vault, tokens, clock });
  const { issuers = [], rules = [] } = options.trust ?? {};
  const trusted = new Set(issuers.map(({ alias }) => alias));
  const live = createLiveSessions({
    sessions,
    accounts,
    providers,
    trusted,
    isGranted: (session, account) => isGranted(session, account, rules),
    clock,
  });
  const shared = { sessions, renewals, live, pairs, vault, providers, clock, log, onEvent, failpoint };
  const renewal = createRenewal(shared);
  const opening = createSessionOpening({ sessions, pairs, vault, clock, times, onEvent });
  const limits = { ...DEFAULT_LOGIN_LIMITS, ...options.limits };
  const { audiences = [] } = options;
  const trust = createTrust({ ...shared, issuer, audience, audiences, issuers, rules, tokens, accounts });
  const sharing = new Map(options.providers.flatMap((one) => (one.shareTokens ? [[one.alias, one.issuer]] : [])));
  const waiting = createWaiting({ logins, limit: limits.pending });
  const forLogins = { ...shared, logins, accounts, opening, limits, waiting, publicUrl: issuer.replace(/\/$/, '') };
  return {
    login: createLogin(forLogins),
    pages: createLoginPages(forLogins),
    sessions: createSessions({ ...shared, accounts, tokens, renewal, bearer: trust.bearer }),
    exchange: { exchange: trust.exchange, providerToken: createProviderToken({ ...shared, sharing, renewal }) },
    providerLogout: createProviderLogout({
      ...shared,
      accounts,
      once: options.once,
      publicUrl: issuer,
      endApproved: (alias, isMeant) => endApproved(alias, isMeant, forLogins),
    }),
    keys,
    service: withWarnings(
      createSweeping({
        logins,
        sessions,
        keys,
        providers: [...providers.values(), trust],
        giveBackUnfetched: () => giveBackUnfetched(forLogins),
        clock,
        log,
      }),
      providers,
      log,
    ),
    async probe() {
      await Promise.all([...providers.values()].map((provider) => provider.probe()));
    },
  };
}

/** What an administrator has switched on and should not forget. */
function withWarnings(service: Service, providers: ReadonlyMap<string, Provider>, log: Logger): Service {
  return {
    ...service,
    async start() {
      for (const { alias, allowsPassword } of providers.values())
        if (allowsPassword) log.warn({ provider: alias }, 'passwords of this identity provider go through this server');
      await service.start();
    },
  };
}

function createProviders({ providers, clock }: IdentityOptions): ReadonlyMap<string, Provider> {
  const map = new Map<string, Provider>();
  for (const provider of providers) {
    if (map.has(provider.alias)) throw badProviders('Two identity providers have the same alias.');
    map.set(provider.alias, createProvider(provider, clock));
  }
  if (map.size === 0) throw badProviders('No identity provider is configured.');
  return map;
}

const badProviders = (message: string) =>
  new AppError('FAILED_PRECONDITION', 'IDENTITY_PROVIDER_MISCONFIGURED', message, {
    hint: 'Correct the [[oidc]] tables in the server config.',
  });
