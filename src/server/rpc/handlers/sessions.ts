import { RIGHTS } from '../../../core/access.ts';
import type { Account } from '../../../core/accounts.ts';
import { AppError } from '../../../core/errors.ts';
import { accountPrincipal } from '../../../core/principals.ts';
import { callerOf, type Handlers } from '../call.ts';
import type { SeenAccount } from '../methods.ts';

type SessionHandlers = Pick<
  Handlers,
  | 'server.info'
  | 'session.renew'
  | 'session.logout'
  | 'session.provider-logout'
  | 'session.logged-out'
  | 'session.whoami'
>;

export const sessionHandlers: SessionHandlers = {
  'server.info': async (services, _call, input) => ({
    version: services.facts.version,
    issuer: services.facts.issuer,
    now: services.clock.now(),
    maxBundleBytes: services.facts.maxBundleBytes,
    defaultFederation: services.facts.defaultFederation,
    bundleFamily: await services.bundleFamily(),
    components: input.probe ? await services.health() : [],
  }),

  'session.renew': (services, _call, input) => services.sessions.renew(input.refreshToken),

  'session.logout': async (services, call, input) => {
    const session = input.refreshToken
      ? await services.sessions.sessionOfRefreshToken(input.refreshToken)
      : call.caller?.session;
    if (!session) {
      throw new AppError('UNAUTHENTICATED', 'REFRESH_TOKEN_INVALID', 'That session is not known here any more.');
    }
    // First the end: the provider's address may take a while, or the client be gone by then.
    const providerRevoked = await services.sessions.end(session, 'logout');
    return { providerRevoked, endSessionUrl: await services.providerLogout.endSessionUrl(session).catch(() => '') };
  },

  'session.provider-logout': async (services, call, { provider, logoutToken }) => ({
    ended: await services.providerLogout.backChannel(provider, logoutToken, call.peer),
  }),

  'session.logged-out': async (services, _call, { state }) => {
    await services.providerLogout.ended(state);
    return {};
  },

  'session.whoami': async (services, call) => {
    const { account, session, subject } = callerOf(call);
    const object = { type: 'federation', id: services.facts.defaultFederation } as const;
    const answers = await services.checker.checkMany(RIGHTS.map((right) => ({ subject, right, object })));
    const now = services.clock.now();
    const seconds = (ms: number) => Math.max(0, Math.floor(ms / 1000));
    return {
      account: seenAccount(account),
      sessionId: session.id,
      idleExpiresIn: seconds(Math.min(session.renewedAt + session.idleMs, session.expiresAt) - now),
      expiresIn: seconds(session.expiresAt - now),
      authenticatedAgo: seconds(now - session.authTime),
      groups: session.groups,
      federation: services.facts.defaultFederation,
      rights: RIGHTS.filter((_, index) => answers[index]),
    };
  },
};

/** An account as others may read it. */
export function seenAccount(account: Account): SeenAccount {
  return {
    kind: account.kind,
    handle: account.handle,
    principal: accountPrincipal(account),
    issuer: account.issuer,
    subject: account.subject,
    email: account.email,
    displayName: account.displayName,
    lastLoginAt: account.lastLoginAt,
  };
}
