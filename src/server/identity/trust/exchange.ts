import type { Account } from '../../../core/accounts.ts';
import type { Clock } from '../../../core/clock.ts';
import { AppError } from '../../../core/errors.ts';
import type { Scope } from '../../../core/scopes.ts';
import type { ExchangedToken, ExchangeRequest, Peer, TokenExchange } from '../../../core/services.ts';
import { TOKEN_TYPES } from '../../../core/services.ts';
import type { Session } from '../../../core/sessions.ts';
import type { LiveSessions } from '../live-sessions.ts';
import { sessionEnd } from '../pairs.ts';
import { callerOf } from '../token-caller.ts';
import type { AccessTokens } from '../tokens.ts';
import { refused, subjectExpired } from './failures.ts';
import type { ExchangedSessions } from './opening.ts';
import { type CheckedRequest, checkRequest, intersect } from './request.ts';
import { ruleFor } from './rules.ts';
import { parseJwt } from './strict-jwt.ts';
import { exchangeHash, type SubjectTokens } from './subject.ts';
import type { TrustRule } from './types.ts';

export interface ExchangeOptions {
  /** `iss` and `aud` of our own tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Other services that we issue tokens for. */
  readonly audiences: readonly string[];
  readonly subjects: SubjectTokens;
  readonly rules: readonly TrustRule[];
  readonly exchanged: ExchangedSessions;
  readonly tokens: AccessTokens;
  readonly live: LiveSessions;
  readonly clock: Clock;
}

/** What is issued for: never more, and never longer, than what was shown. */
interface Base {
  readonly session: Session;
  readonly account: Account;
  readonly generation: number;
  readonly scopes: readonly Scope[] | undefined;
  /** Epoch ms. */
  readonly end: number;
}

/** A token that may be used once is remembered by its session's row: it must not outlive that. */
const MAX_ONE_TIME_MS = 24 * 3600_000;

export function createExchange(options: ExchangeOptions): TokenExchange['exchange'] {
  return async (request, peer) => {
    const checked = checkRequest(request, { own: options.audience, others: options.audiences });
    const isOurs = parseJwt(request.subjectToken)?.claims.iss === options.issuer;
    const base = isOurs ? await ofOurs(request, options) : await ofOther(request, peer, options);
    return issue(base, checked, options);
  };
}

/** One of ours, for a narrower one. It doesn't live longer than what was shown: whoever finds one can't prolong it. */
async function ofOurs(request: ExchangeRequest, { tokens, live }: ExchangeOptions): Promise<Base> {
  if (request.subjectTokenType === TOKEN_TYPES.idToken) throw refused('it is an access token, and no ID token');
  const claims = await tokens.verify(request.subjectToken);
  const { session, account, scopes } = await callerOf(claims, live);
  const end = Math.min(claims.exp * 1000, sessionEnd(session));
  return { session, account, generation: claims.gen, scopes, end };
}

async function ofOther(request: ExchangeRequest, peer: Peer, options: ExchangeOptions): Promise<Base> {
  const { subjects, rules, exchanged, live, clock } = options;
  const valid = await subjects.validate(request.subjectToken, peer);
  const rule = ruleFor(valid, rules);
  if (rule.oneTime && valid.end - clock.now() > MAX_ONE_TIME_MS)
    throw refused('its rule lets it be used once, and it lives longer than a day');
  const hash = exchangeHash(request.subjectToken, valid, rule);
  const { client, host } = request;
  const id = await exchanged.of(valid, rule, { client: client || peer.userAgent, host, address: peer.address, hash });
  const { session, account, scopes } = await live.caller(id, { fresh: true });
  return { session, account, generation: session.generation, scopes, end: sessionEnd(session) };
}

async function issue(base: Base, request: CheckedRequest, { tokens, clock }: ExchangeOptions): Promise<ExchangedToken> {
  const { session, account, generation } = base;
  const scopes = intersect(base.scopes, request.scopes);
  if (request.scopes && scopes?.length === 0) throw nothingLeft();
  // Times in a token are whole seconds: under one it would be over when it is issued.
  if (base.end - clock.now() < 1000) throw subjectExpired();
  const subject = { sub: account.id, sid: session.id, gen: generation };
  const { token, end } = await tokens.mint(subject, base.end, { scopes, audience: request.audience });
  return {
    accessToken: token,
    issuedTokenType: request.issuedTokenType,
    expiresIn: Math.max(0, Math.floor((end - clock.now()) / 1000)),
    scopes,
    sessionId: session.id,
    accountHandle: account.handle,
  };
}

const nothingLeft = () =>
  new AppError('PERMISSION_DENIED', 'SCOPE_MISSING', 'The token has none of the scopes that are asked for.', {
    hint: 'A token can be narrowed, never widened. Start from the token of a login.',
  });
