import type * as client from 'openid-client';
import type { Clock } from '../../core/clock.ts';
import { takesCodes } from './authorization.ts';
import { type ClaimsMapping, identityOf } from './claims.ts';
import { createDiscovery } from './discovery.ts';
import { providerAnswerInvalid } from './failures.ts';
import { createIdTokenKeys } from './id-token-keys.ts';
import { toAppError } from './provider-errors.ts';
import type { Abilities, ProviderOptions, ProviderTokens } from './provider-port.ts';
import { sessionFacts } from './session-facts.ts';
import { checkFreshness, completeClaims, type TokenAnswer, type Told } from './told.ts';
import { createTransport, type Transport } from './transport.ts';

/** What every request to one provider needs. */
export interface ProviderClient {
  readonly options: ProviderOptions;
  readonly clock: Clock;
  readonly mapping: ClaimsMapping;
  readonly transport: Transport;
  /** Of requests for tokens (RFC 8707 section 2.2). */
  readonly targets: Readonly<Record<string, string>>;
  /** @throws UNAVAILABLE, FAILED_PRECONDITION */
  configuration(): Promise<client.Configuration>;
  /** Every call in one frame: configuration, request, and errors turned into ours. */
  ask<T>(request: (configuration: client.Configuration) => Promise<T>): Promise<T>;
  /** The claims of a token answer; undefined where it holds no ID token. */
  claimsOf(
    configuration: client.Configuration,
    answer: TokenAnswer,
    wanted: readonly (string | undefined)[],
  ): Promise<Told | undefined>;
  /** What a login's token answer makes. `maxAge` in seconds. */
  tokensOf(
    configuration: client.Configuration,
    answer: TokenAnswer,
    maxAge: number | undefined,
  ): Promise<ProviderTokens>;
  probe(): Promise<void>;
}

export function createProviderClient(options: ProviderOptions, clock: Clock): ProviderClient {
  const { alias, issuer, clientId, clientSecret, resource, allowInsecure = false, endpointOrigins = [] } = options;
  const origins = [new URL(issuer).origin, ...endpointOrigins];
  const transport = createTransport({ caFile: options.caFile, proxy: options.proxy, origins });
  const known = { issuer, clientId, clientSecret, allowInsecure, endpointOrigins };
  const discovery = createDiscovery({ ...known, transport, clock });
  const keys = createIdTokenKeys({ now: () => clock.monotonic() });
  const mapping: ClaimsMapping = {
    issuer,
    issuerAlias: alias,
    groupsClaim: options.groupsClaim,
    usernameClaim: options.usernameClaim ?? 'preferred_username',
  };
  /** openid-client has checked the claims, the signature is checked here (security.md ID-03). */
  const claimsOf: ProviderClient['claimsOf'] = async (configuration, answer, wanted) => {
    if (answer.id_token === undefined) return undefined;
    const { jwks_uri: keysAt = '' } = configuration.serverMetadata();
    await keys.check(answer.id_token, () => transport.readKeys(keysAt));
    return completeClaims(configuration, answer, wanted);
  };
  return {
    options,
    clock,
    mapping,
    transport,
    targets: resource === undefined ? {} : { resource },
    configuration: () => discovery.configuration(),
    probe: () => discovery.probe(),
    claimsOf,
    async ask(request) {
      try {
        return await request(await discovery.configuration());
      } catch (raised) {
        throw toAppError(raised);
      }
    },
    async tokensOf(configuration, answer, maxAge) {
      const told = await claimsOf(configuration, answer, [mapping.usernameClaim, mapping.groupsClaim]);
      if (!told) throw providerAnswerInvalid(new Error('token answer without an ID token'));
      const now = clock.now();
      checkFreshness(told.claims, maxAge, now);
      return {
        refreshToken: answer.refresh_token,
        identity: identityOf(told.claims, mapping, now),
        facts: sessionFacts(told.claims, answer, { shareTokens: options.shareTokens ?? false, now }),
      };
    },
  };
}

const DEFAULT_SCOPES = ['profile', 'email'];

/** The scopes of a login: the configured ones, `more`, and offline_access where the provider has it and it is wanted. */
export function scopeFor(
  metadata: client.ServerMetadata,
  { scopes: configured, offlineAccess = true }: Pick<ProviderOptions, 'scopes' | 'offlineAccess'>,
  more: readonly string[] = [],
): string {
  const offered = metadata.scopes_supported;
  const wanted = configured ?? DEFAULT_SCOPES.filter((scope) => offered?.includes(scope) ?? true);
  const offline = offlineAccess && offered?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set(['openid', ...wanted, ...more, ...offline])].join(' ');
}

export function abilitiesOf(metadata: client.ServerMetadata): Abilities {
  return {
    device: metadata.device_authorization_endpoint !== undefined,
    code: takesCodes(metadata),
    namesIssuer: metadata.authorization_response_iss_parameter_supported === true,
  };
}
