import { type Account, LOCAL_ISSUER } from '../../../core/accounts.ts';
import type { Session } from '../../../core/sessions.ts';
import type { TrustRule } from './types.ts';

/** What a rule gives, as one text: whose account, what it may, how long. */
export function grantText({ serviceAccount, person, personClaim, scopes, maxLifeMs }: TrustRule): string {
  const account = person ? [person.issuer, person.alias, personClaim] : [serviceAccount];
  return JSON.stringify([account, scopes ?? null, maxLifeMs]);
}

/** What of a session tells whether a rule would still open it. */
type Opened = Pick<Session, 'origin' | 'scopes' | 'createdAt' | 'expiresAt'>;

/** Whether some rule still gives what that session was given: it ends with its rule, not with its token (security.md TX-05). */
export function isGranted(session: Opened, account: Account, rules: readonly TrustRule[]): boolean {
  return rules.some((rule) => rule.trust === session.origin && gives(rule, session, account));
}

function gives({ serviceAccount, person, scopes, maxLifeMs }: TrustRule, session: Opened, account: Account): boolean {
  const isOf = person
    ? account.issuer === person.issuer && account.issuerAlias === person.alias
    : account.issuer === LOCAL_ISSUER.issuer && account.subject === serviceAccount;
  const isWithin = scopes === undefined || session.scopes?.every((scope) => scopes.includes(scope)) === true;
  return isOf && isWithin && session.expiresAt - session.createdAt <= maxLifeMs;
}
