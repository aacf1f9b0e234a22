import { createHash } from 'node:crypto';
import { addressKey } from '../../../core/addresses.ts';
import type { Clock } from '../../../core/clock.ts';
import type { Peer } from '../../../core/services.ts';
import { createPace } from '../login-limits.ts';
import { issuerNotTrusted, refused, tooManyTokens } from './failures.ts';
import { grantText } from './grants.ts';
import { MAX_TOKEN, type ParsedJwt, parseJwt } from './strict-jwt.ts';
import type { TrustOptions, TrustRule, Validator, ValidToken } from './types.ts';

/** Tokens of all trusted issuers. */
export interface SubjectTokens {
  /**
   * @throws UNAUTHENTICATED TOKEN_INVALID | TOKEN_EXPIRED | ISSUER_NOT_TRUSTED, RESOURCE_EXHAUSTED TOO_MANY_TOKENS,
   *   UNAVAILABLE TRUSTED_ISSUER_UNAVAILABLE
   */
  validate(token: string, peer: Peer): Promise<ValidToken>;
}

export interface TrustedIssuer extends Validator {
  readonly options: TrustOptions;
}

/** Tokens of one address that are asked about in vain, each minute; each costs their issuer a request. */
const ASKED_PER_MINUTE = 120;
/** Our own secrets, as their prefixes say, are told nobody. */
const OURS = /^fed[a-z]{2}_/;

export function createSubjectTokens(issuers: readonly TrustedIssuer[], { clock }: { clock: Clock }): SubjectTokens {
  const pace = createPace({ perMinute: ASKED_PER_MINUTE, clock });
  const online = issuers.filter(({ options }) => options.validation !== 'jwks');

  function issuerOf(token: string, jwt: ParsedJwt | undefined): TrustedIssuer {
    if (jwt) {
      const found = issuers.find(({ options }) => options.issuer === jwt.claims.iss);
      if (!found) throw issuerNotTrusted();
      return found;
    }
    // An opaque token doesn't say whose it is; it is shown to nobody but the one issuer that it can be of.
    const [only, ...others] = online;
    if (!only || others.length > 0 || OURS.test(token)) throw issuerNotTrusted();
    return only;
  }

  return {
    async validate(token, peer) {
      if (token.length > MAX_TOKEN || !/^[\x21-\x7e]+$/.test(token)) throw refused('it is too long, or no token');
      const jwt = parseJwt(token);
      const issuer = issuerOf(token, jwt);
      if (issuer.options.validation === 'jwks') return issuer.validate(token, jwt);
      const from = addressKey(peer.address);
      const wait = pace.take(from);
      if (wait > 0) throw tooManyTokens(wait);
      const valid = await issuer.validate(token, jwt);
      // Many jobs may come from one address, each with a good token.
      pace.giveBack(from);
      return valid;
    },
  };
}

/**
 * What makes a token known again, and what it was given: a rule that is changed opens a session of its own. Of a token that
 * may be used once, its `jti` alone: the issuer may sign the same one again (TX-06), and a changed rule is no second use.
 */
export function exchangeHash(token: string, { claims, issuer }: ValidToken, rule: TrustRule): string {
  const { jti } = claims;
  const { oneTime } = rule;
  if (oneTime && (typeof jti !== 'string' || jti === '')) throw refused('its rule needs a jti');
  // Of an ES256 signature anybody can make a second one: what is signed is the token.
  const signed = parseJwt(token) ? token.slice(0, token.lastIndexOf('.')) : token;
  const text = oneTime ? `jti\0${issuer.issuer}\0${String(jti)}` : `${signed}\0${grantText(rule)}`;
  return createHash('sha256').update(text).digest('hex');
}
