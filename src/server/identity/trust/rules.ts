import type { JsonObject } from '../jws.ts';
import { isSubject } from './claims.ts';
import { noTrustRule } from './failures.ts';
import type { TrustRule, ValidToken } from './types.ts';

/**
 * The first rule that fits (security.md TX-04): each claim that it names is there and is that very text. No prefixes and no
 * patterns: `repo:lab/x` would fit `repo:lab/x-evil`.
 * @throws PERMISSION_DENIED NO_TRUST_RULE
 */
export function ruleFor({ issuer, claims }: ValidToken, rules: readonly TrustRule[]): TrustRule {
  const rule = rules.find((one) => one.trust === issuer.alias && fits(one, claims));
  if (!rule) throw noTrustRule(issuer.alias, claims);
  return rule;
}

function fits(rule: TrustRule, claims: JsonObject): boolean {
  const isExact = Object.entries(rule.claims).every(([name, value]) => claimOf(claims, name) === value);
  return isExact && (rule.person === undefined || isSubject(claimOf(claims, rule.personClaim)));
}

export function claimOf(claims: JsonObject, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
