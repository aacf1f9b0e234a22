import { createHash } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import type { Caller, Peer } from '../../../core/services.ts';
import type { LiveSessions } from '../live-sessions.ts';
import { createLru } from '../lru.ts';
import { exchangeFirst } from './failures.ts';
import type { ExchangedSessions } from './opening.ts';
import { ruleFor } from './rules.ts';
import { parseJwt } from './strict-jwt.ts';
import { exchangeHash, type SubjectTokens } from './subject.ts';
import type { TrustRule } from './types.ts';

/** Tokens of trusted issuers on calls, without an exchange before. */
export interface BearerTokens {
  /** Whether it is worth a look: a token of ours that is no good is not. */
  mayKnow(token: string): boolean;
  /** @throws as an exchange would; and UNAUTHENTICATED EXCHANGE_REQUIRED */
  caller(token: string, peer: Peer): Promise<Caller>;
}

export interface BearerTokensOptions {
  /** Of our own tokens. */
  readonly issuer: string;
  readonly hasIssuers: boolean;
  readonly takesOpaque: boolean;
  readonly subjects: SubjectTokens;
  readonly rules: readonly TrustRule[];
  readonly exchanged: ExchangedSessions;
  readonly live: LiveSessions;
  readonly clock: Clock;
}

const MAX_REMEMBERED = 10_000;
/** A session that has so little left is not worth a call: the token gets its next one. */
const NEARLY_OVER_MS = 1000;

export function createBearerTokens(options: BearerTokensOptions): BearerTokens {
  const { subjects, exchanged, live, clock } = options;
  const known = createLru<{ sessionId: string; until: number }>(MAX_REMEMBERED);

  async function sessionOf(token: string, peer: Peer): Promise<{ sessionId: string; until: number }> {
    const valid = await subjects.validate(token, peer);
    const rule = ruleFor(valid, options.rules);
    if (rule.oneTime) throw exchangeFirst();
    const from = { client: peer.userAgent, host: '', address: peer.address };
    const sessionId = await exchanged.of(valid, rule, { ...from, hash: exchangeHash(token, valid, rule) });
    return { sessionId, until: valid.goodUntil };
  }

  return {
    mayKnow(token) {
      if (!options.hasIssuers) return false;
      const jwt = parseJwt(token);
      return jwt ? jwt.claims.iss !== options.issuer : options.takesOpaque;
    },
    async caller(token, peer) {
      const digest = createHash('sha256').update(token).digest('base64');
      const now = clock.now();
      const found = known.get(digest);
      if (found && now < found.until) {
        const caller = await live.caller(found.sessionId).catch(() => undefined);
        if (caller && caller.session.expiresAt - now > NEARLY_OVER_MS) return caller;
      }
      const made = await sessionOf(token, peer);
      known.set(digest, made);
      return live.caller(made.sessionId);
    },
  };
}
