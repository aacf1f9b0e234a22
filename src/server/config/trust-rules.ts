import { LOCAL_ISSUER } from '../../core/accounts.ts';
import { isLoopback } from '../../core/addresses.ts';
import type { Problem } from './problems.ts';
import type { ServerConfig } from './types.ts';

/** Aliases stand in OpenFGA ids: no two issuers share one, and none is taken for our own service accounts. */
export function distinctAliases({ oidc, trust }: ServerConfig): readonly Problem[] {
  const tables = [
    ...oidc.map(({ alias }, index) => ({ alias, path: `oidc[${index}].alias` })),
    ...trust.map(({ alias }, index) => ({ alias, path: `trust[${index}].alias` })),
  ];
  return tables.flatMap(({ alias, path }, index) => {
    if (alias === LOCAL_ISSUER.alias) return [{ path, problem: 'must not be "local": that is for service accounts' }];
    const isTaken = path.startsWith('trust') && tables.slice(0, index).some((one) => one.alias === alias);
    return isTaken ? [{ path, problem: 'is taken by another [[oidc]] or [[trust]] table' }] : [];
  });
}

/** An issuer that can be checked as its table says, and that no other table has. */
export function trustworthyIssuers({ trust, server }: ServerConfig): readonly Problem[] {
  return trust.flatMap((one, index) => {
    const path = `trust[${index}]`;
    const problems: Problem[] = [];
    const isAllowed = (url: string) => !url.startsWith('http:') || (one.allowHttp && isLoopback(new URL(url).hostname));
    const http = 'must start with https:// (http:// needs allow-http = true and a loopback address)';
    if (!isAllowed(one.issuer)) problems.push({ path: `${path}.issuer`, problem: http });
    if (one.jwksUrl && !isAllowed(one.jwksUrl)) problems.push({ path: `${path}.jwks-url`, problem: http });
    if (one.issuer === server.publicUrl)
      problems.push({ path: `${path}.issuer`, problem: 'is this server itself, which knows its own tokens' });
    if (trust.slice(0, index).some(({ issuer }) => issuer === one.issuer))
      problems.push({ path: `${path}.issuer`, problem: 'stands in another [[trust]] table already' });
    if (one.validation === 'introspection' && !(one.clientId && one.clientSecretFile))
      problems.push({ path, problem: 'needs client-id and client-secret-file for introspection' });
    if (one.algorithms.length === 0) problems.push({ path: `${path}.algorithms`, problem: 'must name at least one' });
    return problems;
  });
}

/** Each rule is about a table that is there, and says for whom. A typo would open the door to nobody, in silence. */
export function wholeTrustRules({ oidc, trust, trustRule }: ServerConfig): readonly Problem[] {
  return trustRule.flatMap((rule, index) => {
    const path = `trust-rule[${index}]`;
    const problems: Problem[] = [];
    if (!trust.some(({ alias }) => alias === rule.trust))
      problems.push({ path: `${path}.trust`, problem: 'names no [[trust]] table' });
    if ((rule.serviceAccount === undefined) === (rule.person === undefined))
      problems.push({ path, problem: 'needs either service-account or person' });
    if (rule.person !== undefined && !oidc.some(({ alias }) => alias === rule.person))
      problems.push({ path: `${path}.person`, problem: 'names no [[oidc]] table' });
    if (rule.serviceAccount !== undefined && Object.keys(rule.claims).length === 0)
      problems.push({
        path: `${path}.claims`,
        problem: 'must name at least one claim: else any token of that issuer fits',
      });
    return problems;
  });
}
