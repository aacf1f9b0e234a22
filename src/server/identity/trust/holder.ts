import { type Account, type AccountStore, type Identity, LOCAL_ISSUER } from '../../../core/accounts.ts';
import { identityOf } from '../claims.ts';
import { claimOf } from './rules.ts';
import type { TrustRule, ValidToken } from './types.ts';

/** Whose session a token of others opens. */
export interface Holder {
  readonly account: Account;
  /** Groups and times as this token says. */
  readonly identity: Identity;
}

/** The account that a rule names: a service account of ours, or the person of an identity provider. Made at first use. */
export async function holderOf(
  { issuer, claims }: ValidToken,
  rule: TrustRule,
  { accounts, now }: { accounts: AccountStore; now: number },
): Promise<Holder> {
  const subject = rule.serviceAccount ?? String(claimOf(claims, rule.personClaim));
  const mapping = {
    issuer: rule.person?.issuer ?? LOCAL_ISSUER.issuer,
    issuerAlias: rule.person?.alias ?? LOCAL_ISSUER.alias,
    groupsClaim: issuer.groupsClaim,
    usernameClaim: issuer.usernameClaim,
  };
  const told = identityOf({ ...claims, sub: subject }, mapping, now);
  if (rule.serviceAccount === undefined) {
    // Who is known keeps the name and address that their own provider gave them.
    const [known] = await accounts.findAccounts({ issuer: mapping.issuer, subject });
    return { account: known ?? (await accounts.upsertAccount(told, now)), identity: told };
  }
  const names = { preferredName: subject, displayName: subject, email: '' };
  const identity: Identity = { ...told, ...names, kind: 'service_account' };
  return { account: await accounts.upsertAccount(identity, now), identity };
}
