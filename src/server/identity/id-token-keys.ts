import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';

/**
 * Checks signatures of a provider's ID tokens with the keys it publishes. openid-client can do that too, but it reads keys
 * again for an unknown key id only after a minute; by then the grant that brought the token is used up, and a provider
 * that rotates its keys would cost people their sessions (security.md F-07).
 */
export interface IdTokenKeys {
  /** Throws where no published key vouches for `idToken`. `read` brings the key set. */
  check(idToken: string, read: () => Promise<JSONWebKeySet>): Promise<void>;
}

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const FRESH_MS = 300_000;
/** Keys serve that long while the provider can't give usable ones (MD-03, F-09). */
const STALE_MS = 24 * 3600_000;

type Known = { readonly find: ReturnType<typeof createLocalJWKSet>; readonly at: number };

export function createIdTokenKeys({ now }: { now: () => number }): IdTokenKeys {
  let known: Known | undefined;

  async function renew(read: () => Promise<JSONWebKeySet>): Promise<Known> {
    const at = now();
    known = { find: createLocalJWKSet(await read()), at };
    return known;
  }
  async function current(read: () => Promise<JSONWebKeySet>): Promise<Known> {
    const old = known;
    if (old && now() - old.at < FRESH_MS) return old;
    return renew(read).catch((error) => {
      if (old && now() - old.at < STALE_MS) return old;
      throw error;
    });
  }
  const verify = (idToken: string, { find }: Known) => compactVerify(idToken, find, { algorithms: ALGORITHMS });

  return {
    async check(idToken, read) {
      const keys = await current(read);
      try {
        await verify(idToken, keys);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
        // A key that we don't know: the provider has rotated. The token came from the provider itself, so nobody can
        // make us ask without end.
        await verify(idToken, await renew(read));
      }
    },
  };
}
