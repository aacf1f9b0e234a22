import type { Account } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { TokenPair } from '../../core/services.ts';
import type { Session } from '../../core/sessions.ts';
import { newOpaque, opaqueHash, REFRESH_TOKEN_PREFIX } from './opaque.ts';
import type { AccessTokens } from './tokens.ts';
import type { Vault } from './vault.ts';

/** grpcio drops larger metadata at random (design "Tokens" 2); with room for the two key names. */
const MAX_PAIR = 7000;
/** A pair that is handed out again gets a new access token if the stored one is nearly over. */
const NEARLY_OVER_MS = 60_000;

type PairOwner = Pick<Session, 'id' | 'accountId' | 'generation'>;

export interface NewPair {
  /** For the store: opens only as the pair of its session. */
  readonly sealedPair: string;
  readonly refreshHash: string;
  /** As the client gets it. */
  pairFor(account: Account): TokenPair;
}

export interface Pairs {
  /** A new pair for a generation of a session; its access token ends at `notAfter` (epoch ms) at the latest. */
  issue(owner: PairOwner, notAfter: number): Promise<NewPair>;
  /** The pair that stands, for a client that shows a superseded refresh token. */
  current(session: Session, account: Account): Promise<TokenPair>;
}

interface StoredPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly end: number;
}

export function createPairs({ vault, tokens, clock }: { vault: Vault; tokens: AccessTokens; clock: Clock }): Pairs {
  const mint = async ({ id, accountId, generation }: PairOwner, notAfter: number, refreshToken: string) => {
    const { token, end } = await tokens.mint({ sub: accountId, sid: id, gen: generation }, notAfter);
    if (token.length + refreshToken.length > MAX_PAIR) throw tooLarge();
    return { accessToken: token, refreshToken, end };
  };
  const present = ({ accessToken, refreshToken, end }: StoredPair, sessionId: string, account: Account): TokenPair => ({
    accessToken,
    refreshToken,
    expiresIn: Math.max(0, Math.floor((end - clock.now()) / 1000)),
    sessionId,
    accountHandle: account.handle,
  });
  return {
    async issue(owner, notAfter) {
      const pair: StoredPair = await mint(owner, notAfter, newOpaque(REFRESH_TOKEN_PREFIX));
      return {
        sealedPair: vault.seal(JSON.stringify(pair), 'token-pair', owner.id),
        refreshHash: opaqueHash(pair.refreshToken, REFRESH_TOKEN_PREFIX) ?? '',
        pairFor: (account) => present(pair, owner.id, account),
      };
    },
    async current(session, account) {
      const stored = JSON.parse(vault.open(session.sealedPair, 'token-pair', session.id)) as StoredPair;
      const over = stored.end - clock.now() < NEARLY_OVER_MS;
      const pair = over ? await mint(session, sessionEnd(session), stored.refreshToken) : stored;
      return present(pair, session.id, account);
    },
  };
}

/** When a session ends by itself, epoch ms: idle or at its absolute end. */
export function sessionEnd(session: Pick<Session, 'renewedAt' | 'idleMs' | 'expiresAt'>): number {
  return Math.min(session.expiresAt, session.renewedAt + session.idleMs);
}

const tooLarge = () =>
  new AppError('INTERNAL', 'TOKEN_PAIR_TOO_LARGE', 'The tokens are too large for gRPC metadata.', {
    hint: 'The public URL and the audience of this server have to be much shorter.',
  });
