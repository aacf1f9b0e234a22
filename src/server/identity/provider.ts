import type { JSONWebKeySet } from 'jose';
import * as client from 'openid-client';
import type { Identity } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import { type ClaimsMapping, type IdTokenClaims, identityOf } from './claims.ts';
import { type DeviceStart, readDeviceStart } from './device-start.ts';
import { checkIssuerUrl, createDiscovery } from './discovery.ts';
import { identityChanged, providerAnswerInvalid } from './failures.ts';
import { createIdTokenKeys } from './id-token-keys.ts';
import { judgeFailure, toAppError } from './provider-errors.ts';
import { createTransport } from './transport.ts';

/** One configured OpenID provider. */
export interface ProviderOptions {
  /** Short name: the part before `|` in OpenFGA ids. */
  readonly alias: string;
  /** Exactly as its discovery document says. */
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: we are a public client. */
  readonly clientSecret?: Secret | undefined;
  /** PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** Default: profile and email where advertised. openid always, and offline_access where advertised, are added. */
  readonly scopes?: readonly string[] | undefined;
  readonly groupsClaim?: string | undefined;
  /** Default `preferred_username`. */
  readonly usernameClaim?: string | undefined;
  /** Allows http on loopback: for the embedded stack and tests. */
  readonly allowInsecure?: boolean | undefined;
  /** Milliseconds between polls where the provider names none; default 5000 (RFC 8628 section 3.2). */
  readonly pollIntervalMs?: number | undefined;
}

export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly identity: Identity;
}

export interface RefreshedTokens {
  /** The refresh token to use from now on: a new one, or the old one where the provider kept it (RT-05). */
  readonly refreshToken: string;
  /** None where the provider names none any more; undefined where it could not be asked. */
  readonly groups: readonly string[] | undefined;
}

export type DevicePoll =
  | { readonly state: 'pending' | 'slow_down' | 'unreachable' | 'denied' | 'expired' }
  | { readonly state: 'approved'; readonly tokens: ProviderTokens };

export interface Provider {
  readonly alias: string;
  readonly issuer: string;
  readonly clientId: string;
  /** As it describes itself (OpenID Connect Discovery 1.0). @throws as `startDevice` */
  metadata(): Promise<client.ServerMetadata>;
  /** The keys that it publishes now. @throws as `startDevice` */
  readKeys(): Promise<JSONWebKeySet>;
  /** @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, FAILED_PRECONDITION IDENTITY_PROVIDER_* */
  startDevice(): Promise<DeviceStart>;
  /** One request, never a wait. Throws for every answer that ends the flow and isn't denial or expiry (DG-06). */
  pollDevice(deviceCode: string): Promise<DevicePoll>;
  /** @throws UNAUTHENTICATED PROVIDER_GRANT_ENDED | PROVIDER_IDENTITY_CHANGED, UNAVAILABLE, FAILED_PRECONDITION */
  refresh(refreshToken: string, expected: { subject: string; authTime: number }): Promise<RefreshedTokens>;
  /** RFC 7009; false where the provider has no such endpoint or could not be told. */
  revoke(refreshToken: string): Promise<boolean>;
  /** Resolves when its metadata can be had. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const DEFAULT_SCOPES = ['profile', 'email'];
const DEFAULT_INTERVAL_MS = 5000;

export function createProvider(options: ProviderOptions, clock: Clock): Provider {
  const { alias, issuer, clientId, clientSecret, caFile, allowInsecure = false } = options;
  checkIssuerUrl(issuer, allowInsecure);
  const transport = createTransport({ caFile });
  const discovery = createDiscovery({ issuer, clientId, clientSecret, allowInsecure, transport, clock });
  const mapping: ClaimsMapping = {
    issuer,
    issuerAlias: alias,
    groupsClaim: options.groupsClaim,
    usernameClaim: options.usernameClaim ?? 'preferred_username',
  };
  const keys = createIdTokenKeys({ now: () => clock.monotonic() });
  /** The claims of a token answer; openid-client has checked them, the signature is checked here (security.md ID-03). */
  async function claimsOf(
    configuration: client.Configuration,
    answer: TokenAnswer,
    wanted: readonly (string | undefined)[],
  ): Promise<Told | undefined> {
    if (answer.id_token === undefined) return undefined;
    const { jwks_uri: keysAt = '' } = configuration.serverMetadata();
    await keys.check(answer.id_token, () => transport.readKeys(keysAt));
    return completeClaims(configuration, answer, wanted);
  }
  /** Every call in one frame: configuration, request, and errors turned into ours. */
  async function ask<T>(request: (configuration: client.Configuration) => Promise<T>): Promise<T> {
    try {
      return await request(await discovery.configuration());
    } catch (raised) {
      throw toAppError(raised);
    }
  }
  return {
    alias,
    issuer,
    clientId,
    metadata: () => ask(async (configuration) => configuration.serverMetadata()),
    readKeys: () => ask((configuration) => transport.readKeys(configuration.serverMetadata().jwks_uri ?? '')),
    startDevice: () =>
      ask(async (configuration) => {
        const scope = scopeFor(configuration.serverMetadata(), options.scopes);
        const answer = await client.initiateDeviceAuthorization(configuration, { scope });
        return readDeviceStart(answer, { allowInsecure, intervalMs: options.pollIntervalMs ?? DEFAULT_INTERVAL_MS });
      }),
    async pollDevice(deviceCode) {
      const configuration = await discovery.configuration().catch(() => undefined);
      if (!configuration) return { state: 'unreachable' };
      try {
        const answer = await client.genericGrantRequest(configuration, DEVICE_GRANT, { device_code: deviceCode });
        const told = await claimsOf(configuration, answer, [mapping.usernameClaim, mapping.groupsClaim]);
        if (!told) throw providerAnswerInvalid(new Error('token answer without an ID token'));
        const identity = identityOf(told.claims, mapping, clock.now());
        return { state: 'approved', tokens: { refreshToken: answer.refresh_token, identity } };
      } catch (raised) {
        return judgePoll(raised);
      }
    },
    refresh: (refreshToken, expected) =>
      ask(async (configuration) => {
        const answer = await client.refreshTokenGrant(configuration, refreshToken);
        const told = await claimsOf(configuration, answer, [mapping.groupsClaim]);
        if (told) checkSamePerson(told.claims, expected);
        const { claims, isComplete } =
          told ??
          (mapping.groupsClaim === undefined ? NOTHING : await userinfo(configuration, answer, expected.subject));
        // Who was taken out of the last group often has no such claim any more: that counts as none, not as "as before".
        const isKnown = isComplete || (mapping.groupsClaim !== undefined && mapping.groupsClaim in claims);
        return {
          refreshToken: answer.refresh_token ?? refreshToken,
          groups: isKnown ? identityOf({ ...claims, sub: expected.subject }, mapping, clock.now()).groups : undefined,
        };
      }),
    async revoke(refreshToken) {
      try {
        const configuration = await discovery.configuration();
        if (configuration.serverMetadata().revocation_endpoint === undefined) return false;
        await client.tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
        return true;
      } catch {
        return false;
      }
    },
    probe: discovery.probe,
    close: () => transport.close(),
  };
}

function scopeFor(metadata: client.ServerMetadata, configured: readonly string[] | undefined): string {
  const offered = metadata.scopes_supported;
  const wanted = configured ?? DEFAULT_SCOPES.filter((scope) => offered?.includes(scope) ?? true);
  const offline = offered?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set(['openid', ...wanted, ...offline])].join(' ');
}

const POLL_STATES: Readonly<Record<string, DevicePoll>> = {
  authorization_pending: { state: 'pending' },
  slow_down: { state: 'slow_down' },
  access_denied: { state: 'denied' },
  expired_token: { state: 'expired' },
  // Some providers forget an expired device code, and then it is a grant like any other unknown one.
  invalid_grant: { state: 'expired' },
};

function judgePoll(raised: unknown): DevicePoll {
  const failure = judgeFailure(raised);
  if (failure.kind === 'network') return { state: 'unreachable' };
  const state = failure.kind === 'answer' && Object.hasOwn(POLL_STATES, failure.error) && POLL_STATES[failure.error];
  if (state) return state;
  throw toAppError(raised);
}

type TokenAnswer = Awaited<ReturnType<typeof client.genericGrantRequest>>;

/** What a provider says of a person. */
interface Told {
  readonly claims: IdTokenClaims;
  /** False where something is missing because the userinfo endpoint did not answer. */
  readonly isComplete: boolean;
}
const NOTHING: Told = { claims: {}, isComplete: true };

/**
 * The claims of the ID token. Providers may keep names and groups for their userinfo endpoint (OIDC Core 5.4): what is
 * wanted and missing is asked for there, for the same subject (security.md ID-06), and done without where that fails.
 */
async function completeClaims(
  configuration: client.Configuration,
  answer: TokenAnswer,
  wanted: readonly (string | undefined)[],
): Promise<Told | undefined> {
  const claims = answer.claims() as IdTokenClaims | undefined;
  if (!claims) return undefined;
  const isMissing = wanted.some((name) => name !== undefined && !(name in claims));
  if (!isMissing || configuration.serverMetadata().userinfo_endpoint === undefined) return { claims, isComplete: true };
  const more = await userinfo(configuration, answer, String(claims.sub));
  return { claims: { ...more.claims, ...claims }, isComplete: more.isComplete };
}

/** A renewal may come without an ID token (OIDC Core 12.2); then, too, this endpoint tells today's groups. */
async function userinfo(configuration: client.Configuration, answer: TokenAnswer, subject: string): Promise<Told> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return { claims: {}, isComplete: false };
  const claims = await client.fetchUserInfo(configuration, answer.access_token, subject).catch(() => undefined);
  return { claims: claims ?? {}, isComplete: claims !== undefined };
}

/**
 * OpenID Connect Core 12.2: a refreshed ID token is of the same person (issuer and audience are checked by openid-client),
 * and of the same authentication: a later one is another login (security.md RT-06, RT-07).
 */
function checkSamePerson(claims: IdTokenClaims, expected: { subject: string; authTime: number }): void {
  if (claims.sub !== expected.subject) throw identityChanged('subject');
  if (typeof claims.auth_time === 'number' && claims.auth_time * 1000 > expected.authTime)
    throw identityChanged('authentication time');
}
