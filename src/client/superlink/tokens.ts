import { isAppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { tokenClaims } from '../../core/token-claims.ts';
import type { CredentialFile, Credentials, NewTokens } from '../../credentials/types.ts';
import type { FlowerTokenStore, FlowerTokens } from '../../flower/control.ts';
import { notLoggedIn } from '../login.ts';

/** The login of one SuperLink, as all processes of this person share it. */
export interface SuperlinkLogin extends FlowerTokenStore {
  tokens(): Promise<FlowerTokens>;
  /** True where another command has stored another pair since the last one was given out: worth asking again with it. */
  changed(): Promise<boolean>;
}

export interface SuperlinkLoginOptions {
  readonly store: CredentialFile;
  /** Makes one harmless call with `tokens`, so that the server renews them. */
  readonly ask: (tokens: FlowerTokenStore) => Promise<unknown>;
  /** Tells of what went wrong beside the call, e.g. a login that could not be stored. */
  readonly warn: (sentence: string) => void;
}

/**
 * Flower's servers renew a pair that they are shown when its access token has expired (flower/facts section 2). A token
 * that is known to be over is renewed under the lock by one process; of the others, and of tokens that say nothing about
 * their end, the later pair stays.
 */
export function openSuperlinkLogin({ store, ask, warn }: SuperlinkLoginOptions): SuperlinkLogin {
  /** A pair that could not be stored: good for as long as this process lives. */
  let unsaved: FlowerTokens | undefined;
  let given = '';

  async function tokens(): Promise<FlowerTokens> {
    const pair = unsaved ?? pairOf(await current());
    given = pair.accessToken;
    return pair;
  }

  async function current(): Promise<Credentials> {
    const login = await store.read();
    if (login === undefined) throw notLoggedIn();
    if (!isOver(login)) return login;
    try {
      const { credentials, warning } = await store.renew({ usable: (one) => !isOver(one), renew: exchange });
      if (warning !== undefined) keepUnsaved(pairOf(credentials), warning.message);
      return credentials;
    } catch (error) {
      if (error === NOT_RENEWED) return login;
      throw error;
    }
  }

  async function exchange(login: Credentials): Promise<NewTokens> {
    let fresh: FlowerTokens | undefined;
    await ask({
      tokens: async () => pairOf(login),
      renewed: async (pair) => {
        fresh = pair;
      },
    });
    if (fresh === undefined) throw NOT_RENEWED;
    return newTokens(fresh, login.account);
  }

  function keepUnsaved(pair: FlowerTokens, why: string): void {
    unsaved = pair;
    warn(`The renewed login could not be stored: ${why} You may have to log in again soon.`);
  }

  async function renewed(pair: FlowerTokens, old: FlowerTokens): Promise<void> {
    try {
      await store.withLock(async (locked) => {
        const stored = await locked.read();
        // Logged out meanwhile: that stays so.
        if (stored === undefined) return;
        if (stored.accessToken.reveal() !== old.accessToken && isLater(stored, pair)) return;
        await locked.write(newTokens(pair, stored.account));
      });
    } catch (error) {
      keepUnsaved(pair, isAppError(error) ? error.message : 'it is not known why.');
    }
  }

  return {
    tokens,
    renewed,
    async changed() {
      const login = await store.read().catch(() => undefined);
      return unsaved === undefined && login !== undefined && login.accessToken.reveal() !== given;
    },
  };
}

/** The server answered without a new pair: for it the old one is still good. */
const NOT_RENEWED = new Error('not renewed');

function pairOf({ accessToken, refreshToken }: Credentials): FlowerTokens {
  return { accessToken: accessToken.reveal(), refreshToken: refreshToken.reveal() };
}

/** A pair to be stored. No SuperLink says how long an access token lives: a JWT says it itself, of others it isn't known. */
export function newTokens(pair: FlowerTokens, account = ''): NewTokens {
  const accessToken = new Secret(pair.accessToken);
  const { sid } = tokenClaims(accessToken);
  const expiresIn = lifeOf(accessToken) ?? 0;
  return { accessToken, refreshToken: new Secret(pair.refreshToken), expiresIn, sessionId: sid ?? '', account };
}

/** Whole life of a JWT in seconds; undefined where it does not say. */
function lifeOf(token: Secret): number | undefined {
  const { exp, iat } = tokenClaims(token);
  return exp !== undefined && iat !== undefined && exp > iat ? exp - iat : undefined;
}

function isOver({ accessToken, expiresInMs }: Credentials): boolean {
  return lifeOf(accessToken) !== undefined && expiresInMs <= 0;
}

/** True where the stored pair ends no earlier than the other; where that can't be known the newcomer is taken. */
function isLater({ accessToken }: Credentials, pair: FlowerTokens): boolean {
  const [stored, other] = [tokenClaims(accessToken).exp, tokenClaims(new Secret(pair.accessToken)).exp];
  return stored !== undefined && other !== undefined && stored >= other;
}
