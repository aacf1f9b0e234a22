import { compactVerify } from 'jose';
import type { Clock } from '../../../core/clock.ts';
import type { JsonObject } from '../jws.ts';
import { checkClaims, checkNoIdToken, checkProfile, checkType } from './claims.ts';
import { refused } from './failures.ts';
import type { KeySet } from './key-set.ts';
import { GOOD_MS, type TrustOptions, type Validator } from './types.ts';

const MAX_KID = 256;

/** By signature: nobody is asked but for the issuer's keys, and that now and then. */
export function createOfflineValidator(
  issuer: TrustOptions,
  { keys, clock }: { keys: KeySet; clock: Clock },
): Validator {
  return {
    async validate(token, jwt) {
      if (!jwt) throw refused('it is no signed JWT');
      const { header, claims } = jwt;
      checkType(header.typ, issuer);
      await checkSignature(token, header, { issuer, keys });
      const now = clock.now();
      const end = checkClaims(claims, issuer, now);
      if (issuer.tokenType === 'at+jwt') checkProfile(claims);
      else checkNoIdToken(jwt, issuer);
      return { issuer, claims, end, goodUntil: Math.min(end, now + GOOD_MS) };
    },
  };
}

/**
 * The algorithm is one that the configuration names and that fits a key of this issuer (AT-05, AT-06); `jku`, `jwk`,
 * `x5u`, `x5c` are never looked at (AT-10), `crit` and `b64` refused (AT-11).
 */
export async function checkSignature(
  token: string,
  header: JsonObject,
  { issuer, keys }: { issuer: Pick<TrustOptions, 'algorithms'>; keys: KeySet },
): Promise<void> {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !issuer.algorithms.includes(alg))
    throw refused('its signature algorithm is not one that is taken');
  if ('crit' in header || 'b64' in header) throw refused('its header demands an extension that is not known');
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID))
    throw refused('its key id is none');
  const key = await keys.find({ kid, alg });
  if (!key) throw refused('its issuer publishes no key, or no single one, that it is signed with');
  await compactVerify(token, key.key, { algorithms: [alg] }).catch((cause) => {
    throw refused('its signature does not fit', cause);
  });
}
