import * as client from 'openid-client';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import type { AuthorizationAnswer } from '../../core/services.ts';
import {
  type AskedLogin,
  type Authorization,
  askedParameters,
  authorize,
  checkAnswer,
  judgeRedemption,
  redeem,
} from './authorization.ts';
import { identityOf } from './claims.ts';
import { checkIssuerUrl } from './discovery.ts';
import { GRANT_ENDED, grantNotOffered, passwordRefused } from './failures.ts';
import { abilitiesOf, createProviderClient, type ProviderClient, scopeFor } from './provider-client.ts';
import { pollDevice, startDevice } from './provider-device.ts';
import { toAppError } from './provider-errors.ts';
import type { Provider, ProviderOptions, ProviderTokens, RefreshedTokens } from './provider-port.ts';
import { accessOf } from './session-facts.ts';
import { checkSamePerson, NOTHING, userinfo } from './told.ts';

export type {
  Abilities,
  DevicePoll,
  Provider,
  ProviderOptions,
  ProviderTokens,
} from './provider-port.ts';

/** @throws FAILED_PRECONDITION IDENTITY_PROVIDER_MISCONFIGURED for settings that can't be */
export function createProvider(options: ProviderOptions, clock: Clock): Provider {
  const { alias, issuer, name = alias, clientId, page = 'auto', allowPassword = false } = options;
  checkIssuerUrl(issuer, options.allowInsecure ?? false);
  const provider = createProviderClient(options, clock);
  const { ask, transport } = provider;
  return {
    alias,
    issuer,
    name,
    clientId,
    page,
    allowsPassword: allowPassword,
    metadata: () => ask(async (configuration) => configuration.serverMetadata()),
    readKeys: () => ask((configuration) => transport.readKeys(configuration.serverMetadata().jwks_uri ?? '')),
    abilities: () => ask(async (configuration) => abilitiesOf(configuration.serverMetadata())),
    startDevice: (asked) => startDevice(provider, asked),
    pollDevice: (deviceCode, { maxAge }) => pollDevice(provider, deviceCode, maxAge),
    authorize: (asked, redirectUri) => startCode(provider, asked, redirectUri),
    redeem: (authorization, answer) => redeemCode(provider, authorization, answer),
    password: (username, password) => passwordGrant(provider, username, password),
    refresh: (refreshToken, expected) => refresh(provider, refreshToken, expected),
    revoke: (refreshToken) => revoke(provider, refreshToken),
    probe: () => provider.probe(),
    close: () => transport.close(),
  };
}

function startCode({ ask, options }: ProviderClient, asked: AskedLogin, redirectUri: string) {
  const { allowInsecure = false, resource, authorizationParameters } = options;
  return ask((configuration) => {
    const scope = scopeFor(configuration.serverMetadata(), options, asked.scopes);
    const parameters = { ...authorizationParameters, ...askedParameters(asked, resource), scope };
    return authorize(configuration, { parameters, redirectUri, maxAge: asked.maxAge, allowInsecure });
  });
}

function redeemCode(
  { ask, options, targets, tokensOf }: ProviderClient,
  authorization: Authorization,
  answer: AuthorizationAnswer,
): Promise<ProviderTokens> {
  return ask(async (configuration) => {
    const { namesIssuer } = abilitiesOf(configuration.serverMetadata());
    checkAnswer(answer, { state: authorization.state, issuer: options.issuer, namesIssuer });
    try {
      const told = await redeem(configuration, { authorization, answer, parameters: targets });
      return await tokensOf(configuration, told, authorization.maxAge);
    } catch (raised) {
      throw judgeRedemption(raised);
    }
  });
}

function passwordGrant(
  { ask, options, targets, tokensOf }: ProviderClient,
  username: string,
  password: Secret,
): Promise<ProviderTokens> {
  return ask(async (configuration) => {
    if (!options.allowPassword) throw grantNotOffered();
    const scope = scopeFor(configuration.serverMetadata(), options);
    const parameters = { ...targets, username, password: password.reveal(), scope };
    const answer = await client.genericGrantRequest(configuration, 'password', parameters).catch((raised) => {
      const error = toAppError(raised);
      throw error.reason === GRANT_ENDED ? passwordRefused(error) : error;
    });
    return tokensOf(configuration, answer, undefined);
  });
}

function refresh(
  { ask, options, clock, mapping, targets, claimsOf }: ProviderClient,
  refreshToken: string,
  expected: { subject: string; authTime: number },
): Promise<RefreshedTokens> {
  return ask(async (configuration) => {
    const answer = await client.refreshTokenGrant(configuration, refreshToken, { ...targets });
    const told = await claimsOf(configuration, answer, [mapping.groupsClaim]);
    if (told) checkSamePerson(told.claims, expected);
    const { claims, isComplete } =
      told ?? (mapping.groupsClaim === undefined ? NOTHING : await userinfo(configuration, answer, expected.subject));
    // Who was taken out of the last group often has no such claim any more: that counts as none, not as "as before".
    const isKnown = isComplete || (mapping.groupsClaim !== undefined && mapping.groupsClaim in claims);
    return {
      refreshToken: answer.refresh_token ?? refreshToken,
      groups: isKnown ? identityOf({ ...claims, sub: expected.subject }, mapping, clock.now()).groups : undefined,
      idToken: answer.id_token,
      access: options.shareTokens ? accessOf(answer, clock.now()) : undefined,
    };
  });
}

async function revoke({ configuration }: ProviderClient, refreshToken: string): Promise<boolean> {
  try {
    const known = await configuration();
    if (known.serverMetadata().revocation_endpoint === undefined) return false;
    await client.tokenRevocation(known, refreshToken, { token_type_hint: 'refresh_token' });
    return true;
  } catch {
    return false;
  }
}
