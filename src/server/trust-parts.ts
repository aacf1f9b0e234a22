import { readSecretFile } from './config/files.ts';
import type { ServerConfig, TrustConfig, TrustRuleConfig } from './config/types.ts';
import type { TrustOptions, TrustRule } from './identity/index.ts';
import { proxyOf } from './proxies.ts';

/** Trusted issuers and their rules, as the configuration has them. Reads the secrets that it names. */
export async function trustOf(
  config: ServerConfig,
): Promise<{ readonly issuers: readonly TrustOptions[]; readonly rules: readonly TrustRule[] }> {
  return {
    issuers: await Promise.all(config.trust.map((one) => issuerOf(one, config))),
    rules: config.trustRule.map((one) => ruleOf(one, config)),
  };
}

async function issuerOf(one: TrustConfig, { oidc, tokens, server }: ServerConfig): Promise<TrustOptions> {
  const { alias, issuer, validation, jwksUrl, algorithms, tokenType, clientId, usernameClaim, groupsClaim } = one;
  return {
    alias,
    issuer,
    audience: one.audience.length > 0 ? one.audience : [tokens.audience ?? '', server.publicUrl ?? ''],
    validation,
    jwksUrl,
    algorithms,
    tokenType,
    clientId,
    clientSecret: one.clientSecretFile === undefined ? undefined : await readSecretFile(one.clientSecretFile),
    caFile: one.ca,
    proxy: await proxyOf(one, '[[trust]] proxy'),
    endpointOrigins: one.endpointOrigins,
    allowInsecure: one.allowHttp,
    usernameClaim,
    groupsClaim,
    loginClients: oidc.map((provider) => provider.clientId),
    isLoginIssuer: oidc.some((provider) => provider.issuer === issuer),
  };
}

function ruleOf(one: TrustRuleConfig, { oidc }: ServerConfig): TrustRule {
  const provider = oidc.find(({ alias }) => alias === one.person);
  return {
    trust: one.trust,
    claims: one.claims,
    serviceAccount: one.serviceAccount,
    person: provider && { issuer: provider.issuer, alias: provider.alias },
    personClaim: one.personClaim,
    scopes: one.scopes.length > 0 ? one.scopes : undefined,
    oneTime: one.oneTime,
    maxLifeMs: one.maxLife,
  };
}
