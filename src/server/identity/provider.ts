import type { JSONWebKeySet } from 'jose';
import * as client from 'openid-client';
import type { Identity } from '../../core/accounts.ts';
import type { Clock } from '../../core/clock.ts';
import type { ForwardProxy } from '../../core/proxy.ts';
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
  takesCodes,
} from './authorization.ts';
import { type ClaimsMapping, identityOf } from './claims.ts';
import { type DeviceStart, readDeviceStart } from './device-start.ts';
import { checkIssuerUrl, createDiscovery } from './discovery.ts';
import { GRANT_ENDED, grantNotOffered, passwordRefused, providerAnswerInvalid } from './failures.ts';
import { createIdTokenKeys } from './id-token-keys.ts';
import { judgeFailure, toAppError } from './provider-errors.ts';
import { type AccessAtProvider, accessOf, type SessionFacts, sessionFacts } from './session-facts.ts';
import {
  checkFreshness,
  checkSamePerson,
  completeClaims,
  NOTHING,
  type TokenAnswer,
  type Told,
  userinfo,
} from './told.ts';
import { createTransport } from './transport.ts';

/** One configured OpenID provider. */
export interface ProviderOptions {
  /** Short name: the part before `|` in OpenFGA ids. */
  readonly alias: string;
  /** Exactly as its discovery document says. */
  readonly issuer: string;
  /** For people; default: the alias. */
  readonly name?: string | undefined;
  readonly clientId: string;
  /** Absent: we are a public client. */
  readonly clientSecret?: Secret | undefined;
  /** PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** The way to it; default: straight. */
  readonly proxy?: ForwardProxy | undefined;
  /** Default: profile and email where advertised. openid always, and offline_access where advertised, are added. */
  readonly scopes?: readonly string[] | undefined;
  readonly groupsClaim?: string | undefined;
  /** Default `preferred_username`. */
  readonly usernameClaim?: string | undefined;
  /** Allows http on loopback: for the embedded stack and tests. */
  readonly allowInsecure?: boolean | undefined;
  /** Milliseconds between polls where the provider names none; default 5000 (RFC 8628 section 3.2). */
  readonly pollIntervalMs?: number | undefined;
  /** Where our device page stands in front of the provider: "auto" (default) where it has no device grant of its own. */
  readonly page?: 'auto' | 'always' | 'never' | undefined;
  /** Takes names and passwords (RFC 6749 section 4.3); default false. */
  readonly allowPassword?: boolean | undefined;
  /** RFC 8707: absolute URI that is asked for with every request for tokens. */
  readonly resource?: string | undefined;
  /** Added to authorization requests. */
  readonly authorizationParameters?: Readonly<Record<string, string>> | undefined;
  /** Beside the issuer's own: where its endpoints may be (security.md BC-08). */
  readonly endpointOrigins?: readonly string[] | undefined;
  /** Keeps its access token, to hand it out; default false. */
  readonly shareTokens?: boolean | undefined;
}

export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly identity: Identity;
  /** What a session keeps beside; none for sessions that no login at a provider made. */
  readonly facts?: SessionFacts | undefined;
}

export interface RefreshedTokens {
  /** The refresh token to use from now on: a new one, or the old one where the provider kept it (RT-05). */
  readonly refreshToken: string;
  /** None where the provider names none any more; undefined where it could not be asked. */
  readonly groups: readonly string[] | undefined;
  /** Undefined where none came. */
  readonly idToken: string | undefined;
  readonly access: AccessAtProvider | undefined;
}

/** What a provider can do, as its metadata say. */
export interface Abilities {
  readonly device: boolean;
  /** Code grant with PKCE S256. */
  readonly code: boolean;
  /** Its answers name the issuer (RFC 9207). */
  readonly namesIssuer: boolean;
  /** Where browsers are sent to; "" without code grant. */
  readonly browserOrigin: string;
}

export type DevicePoll =
  | { readonly state: 'pending' | 'slow_down' | 'unreachable' | 'denied' | 'expired' }
  | { readonly state: 'approved'; readonly tokens: ProviderTokens };

export interface Provider {
  readonly alias: string;
  readonly issuer: string;
  readonly name: string;
  readonly clientId: string;
  readonly page: 'auto' | 'always' | 'never';
  readonly allowsPassword: boolean;
  /** @throws as `startDevice` */
  abilities(): Promise<Abilities>;
  /** As it describes itself (OpenID Connect Discovery 1.0). @throws as `startDevice` */
  metadata(): Promise<client.ServerMetadata>;
  /** The keys that it publishes now. @throws as `startDevice` */
  readKeys(): Promise<JSONWebKeySet>;
  /** @throws UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, FAILED_PRECONDITION IDENTITY_PROVIDER_* */
  startDevice(asked: AskedLogin): Promise<DeviceStart>;
  /** One request, never a wait. Throws for every answer that ends the flow and isn't denial or expiry (DG-06). */
  pollDevice(deviceCode: string, asked: { maxAge: number | undefined }): Promise<DevicePoll>;
  /** Where a browser goes to log in, and the secrets of that request. @throws as `startDevice` */
  authorize(asked: AskedLogin, redirectUri: string): Promise<{ url: string; authorization: Authorization }>;
  /** @throws UNAUTHENTICATED LOGIN_ANSWER_REFUSED, PERMISSION_DENIED LOGIN_DENIED, and as `startDevice` */
  redeem(authorization: Authorization, answer: AuthorizationAnswer): Promise<ProviderTokens>;
  /** @throws UNAUTHENTICATED PASSWORD_REFUSED, FAILED_PRECONDITION GRANT_NOT_OFFERED, and as `startDevice` */
  password(username: string, password: Secret): Promise<ProviderTokens>;
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
  const { alias, issuer, name = alias, clientId, clientSecret, caFile, resource, allowInsecure = false } = options;
  const { page = 'auto', allowPassword = false, shareTokens = false, endpointOrigins = [] } = options;
  checkIssuerUrl(issuer, allowInsecure);
  const transport = createTransport({
    caFile,
    proxy: options.proxy,
    origins: [new URL(issuer).origin, ...endpointOrigins],
  });
  const discovery = createDiscovery({
    issuer,
    clientId,
    clientSecret,
    allowInsecure,
    endpointOrigins,
    transport,
    clock,
  });
  const mapping: ClaimsMapping = {
    issuer,
    issuerAlias: alias,
    groupsClaim: options.groupsClaim,
    usernameClaim: options.usernameClaim ?? 'preferred_username',
  };
  const keys = createIdTokenKeys({ now: () => clock.monotonic() });
  /** Of requests for tokens (RFC 8707 section 2.2). */
  const targets = resource === undefined ? {} : { resource };
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
  /** What a login's token answer makes. */
  async function tokensOf(
    configuration: client.Configuration,
    answer: TokenAnswer,
    maxAge: number | undefined,
  ): Promise<ProviderTokens> {
    const told = await claimsOf(configuration, answer, [mapping.usernameClaim, mapping.groupsClaim]);
    if (!told) throw providerAnswerInvalid(new Error('token answer without an ID token'));
    checkFreshness(told.claims, maxAge, clock.now());
    return {
      refreshToken: answer.refresh_token,
      identity: identityOf(told.claims, mapping, clock.now()),
      facts: sessionFacts(told.claims, answer, { shareTokens, now: clock.now() }),
    };
  }
  /** Every call in one frame: configuration, request, and errors turned into ours. */
  async function ask<T>(request: (configuration: client.Configuration) => Promise<T>): Promise<T> {
    try {
      return await request(await discovery.configuration());
    } catch (raised) {
      throw toAppError(raised);
    }
  }
  const scopes = (configuration: client.Configuration, more: readonly string[] = []) =>
    scopeFor(configuration.serverMetadata(), options.scopes, more);
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
    startDevice: (asked) =>
      ask(async (configuration) => {
        if (!abilitiesOf(configuration.serverMetadata()).device) throw grantNotOffered();
        const scope = scopes(configuration, asked.scopes);
        const parameters = { ...askedParameters(asked, resource), scope };
        const answer = await client.initiateDeviceAuthorization(configuration, parameters);
        return readDeviceStart(answer, { allowInsecure, intervalMs: options.pollIntervalMs ?? DEFAULT_INTERVAL_MS });
      }),
    async pollDevice(deviceCode, { maxAge }) {
      const configuration = await discovery.configuration().catch(() => undefined);
      if (!configuration) return { state: 'unreachable' };
      try {
        const parameters = { ...targets, device_code: deviceCode };
        const answer = await client.genericGrantRequest(configuration, DEVICE_GRANT, parameters);
        return { state: 'approved', tokens: await tokensOf(configuration, answer, maxAge) };
      } catch (raised) {
        return judgePoll(raised);
      }
    },
    authorize: (asked, redirectUri) =>
      ask((configuration) => {
        const scope = scopes(configuration, asked.scopes);
        const parameters = { ...options.authorizationParameters, ...askedParameters(asked, resource), scope };
        return authorize(configuration, { parameters, redirectUri, maxAge: asked.maxAge, allowInsecure });
      }),
    redeem: (authorization, answer) =>
      ask(async (configuration) => {
        const { namesIssuer } = abilitiesOf(configuration.serverMetadata());
        checkAnswer(answer, { state: authorization.state, issuer, namesIssuer });
        try {
          const told = await redeem(configuration, { authorization, answer, parameters: targets });
          return await tokensOf(configuration, told, authorization.maxAge);
        } catch (raised) {
          throw judgeRedemption(raised);
        }
      }),
    password: (username, password) =>
      ask(async (configuration) => {
        if (!allowPassword) throw grantNotOffered();
        const parameters = { ...targets, username, password: password.reveal(), scope: scopes(configuration) };
        const answer = await client.genericGrantRequest(configuration, 'password', parameters).catch((raised) => {
          const error = toAppError(raised);
          throw error.reason === GRANT_ENDED ? passwordRefused(error) : error;
        });
        return tokensOf(configuration, answer, undefined);
      }),
    refresh: (refreshToken, expected) =>
      ask(async (configuration) => {
        const answer = await client.refreshTokenGrant(configuration, refreshToken, targets);
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
          idToken: answer.id_token,
          access: shareTokens ? accessOf(answer, clock.now()) : undefined,
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

function abilitiesOf(metadata: client.ServerMetadata): Abilities {
  const code = takesCodes(metadata);
  return {
    device: metadata.device_authorization_endpoint !== undefined,
    code,
    namesIssuer: metadata.authorization_response_iss_parameter_supported === true,
    browserOrigin: code ? new URL(metadata.authorization_endpoint ?? '').origin : '',
  };
}

function scopeFor(
  metadata: client.ServerMetadata,
  configured: readonly string[] | undefined,
  more: readonly string[],
): string {
  const offered = metadata.scopes_supported;
  const wanted = configured ?? DEFAULT_SCOPES.filter((scope) => offered?.includes(scope) ?? true);
  const offline = offered?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set(['openid', ...wanted, ...more, ...offline])].join(' ');
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
