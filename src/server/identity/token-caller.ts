import type { Caller } from '../../core/services.ts';
import { tokenInvalid } from './failures.ts';
import type { LiveSessions } from './live-sessions.ts';
import { type AccessClaims, scopesOf } from './tokens.ts';
import { intersect } from './trust/request.ts';

/**
 * Who a verified token of ours speaks for, and that its generation has been seen.
 * @throws UNAUTHENTICATED SESSION_ENDED | TOKEN_INVALID
 */
export async function callerOf(claims: AccessClaims, live: LiveSessions): Promise<Caller> {
  const known = await live.caller(claims.sid);
  const behind = claims.gen > known.session.generation;
  const caller = behind ? await live.caller(claims.sid, { fresh: true }) : known;
  if (caller.account.id !== claims.sub || claims.gen > caller.session.generation) throw tokenInvalid();
  await live.markSeen(caller, claims.gen);
  return claims.scope === undefined ? caller : { ...caller, scopes: intersect(caller.scopes, scopesOf(claims)) };
}
