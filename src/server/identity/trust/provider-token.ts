import type { Clock } from '../../../core/clock.ts';
import { AppError } from '../../../core/errors.ts';
import type { ProviderTokenView, TokenExchange } from '../../../core/services.ts';
import type { Session } from '../../../core/sessions.ts';
import type { LiveSessions } from '../live-sessions.ts';
import type { Renewal } from '../renewal.ts';
import type { AccessAtProvider } from '../session-facts.ts';
import type { Vault } from '../vault.ts';

/** The provider's tokens of a login, for whoever holds its session, where the configuration shares them. */

/** One that is no older than this is as long as the provider's get: asked for more, it is not asked at every call. */
const NEWEST_MS = 10_000;

export interface ProviderTokenOptions {
  /** Issuer by alias, of the providers that share their tokens. */
  readonly sharing: ReadonlyMap<string, string>;
  readonly live: LiveSessions;
  readonly renewal: Renewal;
  readonly vault: Vault;
  readonly clock: Clock;
}

export function createProviderToken(options: ProviderTokenOptions): TokenExchange['providerToken'] {
  const { sharing, live, renewal, vault, clock } = options;

  function read(session: Session): AccessAtProvider | undefined {
    const { id, sealedProviderAccess: sealed } = session;
    return sealed === undefined
      ? undefined
      : (JSON.parse(vault.open(sealed, 'provider-access', id)) as AccessAtProvider);
  }
  const lifeOf = ({ expiresAt }: AccessAtProvider) => (expiresAt === 0 ? undefined : expiresAt - clock.now());

  async function renewed(id: string): Promise<Session> {
    await renewal.renew(await live.caller(id, { fresh: true }));
    return (await live.caller(id, { fresh: true })).session;
  }

  return async (session, minLifeMs) => {
    const issuer = sharing.get(session.origin);
    if (issuer === undefined) throw notShared();
    const access = read(session);
    const life = access ? (lifeOf(access) ?? Number.POSITIVE_INFINITY) : 0;
    const isNewest = life > 0 && clock.now() - session.renewedAt < NEWEST_MS;
    const canRenew = session.sealedProviderToken !== undefined && !isNewest;
    const isShort = !access || life < minLifeMs;
    const source = isShort && canRenew ? await renewed(session.id) : session;
    return viewOf(source, issuer);
  };

  function viewOf(session: Session, issuer: string): ProviderTokenView {
    const access = read(session);
    const life = access && lifeOf(access);
    if (!access || (life !== undefined && life <= 0)) throw noneHeld();
    const { sealedIdToken: sealed, id } = session;
    return {
      accessToken: access.token,
      idToken: sealed === undefined ? '' : vault.open(sealed, 'id-token', id),
      expiresIn: life === undefined ? 0 : Math.max(1, Math.floor(life / 1000)),
      issuer,
      tokenType: access.type,
    };
  }
}

const notShared = () =>
  new AppError(
    'FAILED_PRECONDITION',
    'PROVIDER_TOKENS_NOT_SHARED',
    'This server does not give out tokens of the identity provider.',
    { hint: 'The operator of this server can set share-tokens = true in its [[oidc]] table; then log in again.' },
  );

const noneHeld = () =>
  new AppError(
    'FAILED_PRECONDITION',
    'PROVIDER_TOKENS_NOT_SHARED',
    'This server holds no token of the identity provider that is in force for this session.',
    { hint: 'Log in again: fedctl login --force' },
  );
