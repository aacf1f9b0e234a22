import * as client from 'openid-client';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import { providerAnswerInvalid, providerMisconfigured, providerRefused } from './failures.ts';
import { toAppError } from './provider-errors.ts';
import { DEADLINE_MS, isLoopbackHttp, type Transport } from './transport.ts';

/** What is read again after this long; an older copy serves while the provider can't be asked. */
const REFRESH_MS = 3600_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 5000;

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
  readonly allowInsecure: boolean;
  /** Beside the issuer's own: origins that may hold its endpoints. */
  readonly endpointOrigins: readonly string[];
  readonly transport: Transport;
  readonly clock: Clock;
}

export interface Discovery {
  /** The provider's configuration, read at the first call. @throws UNAVAILABLE, FAILED_PRECONDITION */
  configuration(): Promise<client.Configuration>;
  /** Reads it now, whatever is remembered. */
  probe(): Promise<void>;
}

/**
 * Reads a provider's metadata when they are first needed, so that a provider that is down stops no start. After a failure
 * the same answer is given until the backoff has passed; after a success a copy serves as long as it must.
 */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { clock } = options;
  let current: { configuration: client.Configuration; at: number } | undefined;
  let failure: { error: unknown; until: number; backoff: number } | undefined;
  let reading: Promise<client.Configuration> | undefined;

  async function read(): Promise<client.Configuration> {
    try {
      const configuration = await discover(options);
      current = { configuration, at: clock.monotonic() };
      failure = undefined;
      return configuration;
    } catch (raised) {
      const error = toAppError(raised);
      const backoff = Math.min(failure ? failure.backoff * 2 : FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
      failure = { error, backoff, until: clock.monotonic() + backoff };
      throw error;
    }
  }
  function readOnce(): Promise<client.Configuration> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  return {
    async probe() {
      await readOnce();
    },
    async configuration() {
      const now = clock.monotonic();
      if (current && now - current.at < REFRESH_MS) return current.configuration;
      if (failure && now < failure.until) {
        if (current) return current.configuration;
        throw failure.error;
      }
      return readOnce().catch((error) => {
        if (current) return current.configuration;
        throw error;
      });
    },
  };
}

async function discover(options: DiscoveryOptions): Promise<client.Configuration> {
  const { issuer, clientId, clientSecret, transport, allowInsecure, endpointOrigins } = options;
  const execute = allowInsecure ? [client.allowInsecureRequests] : [];
  const configuration = await client
    .discovery(new URL(issuer), clientId, undefined, authentication(clientSecret), {
      [client.customFetch]: transport.fetch,
      timeout: DEADLINE_MS / 1000,
      execute,
    })
    .catch((error) => {
      throw isIssuerMismatch(error) ? issuerMismatch(error) : error;
    });
  checkMetadata(configuration.serverMetadata(), issuer);
  checkEndpoints(configuration.serverMetadata(), [new URL(issuer).origin, ...endpointOrigins]);
  return configuration;
}

/** How we authenticate as client: basic where the provider takes it (or says nothing), else in the form (RFC 8414). */
function authentication(secret: Secret | undefined): client.ClientAuth {
  if (!secret) return client.None();
  const basic = client.ClientSecretBasic(secret.reveal());
  const post = client.ClientSecretPost(secret.reveal());
  return (as, ...rest) => {
    const methods = as.token_endpoint_auth_methods_supported;
    const formOnly = methods && !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
    return (formOnly ? post : basic)(as, ...rest);
  };
}

function checkMetadata(metadata: client.ServerMetadata, issuer: string): void {
  // openid-client compares parsed URLs; iss of every token has to be this very string (security.md MD-01).
  if (metadata.issuer !== issuer) throw issuerMismatch(undefined);
  checkShapes(metadata);
  const missing = (['token_endpoint', 'jwks_uri'] as const).find((name) => metadata[name] === undefined);
  if (missing !== undefined)
    throw providerRefused(
      new Error(`metadata: no ${missing}`),
      `The provider names no ${missing}: it is no OpenID provider.`,
    );
  if (metadata.device_authorization_endpoint === undefined && metadata.authorization_endpoint === undefined)
    throw providerRefused(
      new Error('metadata: neither device_authorization_endpoint nor authorization_endpoint'),
      'The provider offers no way to log in people.',
    );
}

const URLS = [
  'authorization_endpoint',
  'token_endpoint',
  'device_authorization_endpoint',
  'revocation_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
] as const;
const LISTS = [
  'scopes_supported',
  'code_challenge_methods_supported',
  'token_endpoint_auth_methods_supported',
] as const;

/** What is used of the metadata has the type that it should have (RFC 8414 section 2). */
function checkShapes(metadata: client.ServerMetadata): void {
  const isUrl = (value: unknown) => typeof value === 'string' && URL.canParse(value);
  const isList = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string');
  const bad =
    URLS.find((name) => metadata[name] !== undefined && !isUrl(metadata[name])) ??
    LISTS.find((name) => metadata[name] !== undefined && !isList(metadata[name]));
  if (bad !== undefined) throw providerAnswerInvalid(new Error(`metadata: unusable ${bad}`));
}

/** They are sent the client secret. */
const SECRET_ENDPOINTS = ['token_endpoint', 'device_authorization_endpoint', 'revocation_endpoint'] as const;

/** Our secret goes to the issuer that it belongs to, and not wherever metadata point (security.md BC-08). */
function checkEndpoints(metadata: client.ServerMetadata, allowed: readonly string[]): void {
  const origins = SECRET_ENDPOINTS.flatMap((name) => originOf(metadata[name]));
  const foreign = origins.find((origin) => !allowed.includes(origin));
  if (foreign === undefined) return;
  throw providerMisconfigured(
    `The identity provider has endpoints on another host than its issuer: ${foreign}`,
    `If that is right, allow it in its [[oidc]] table: endpoint-origins = ["${foreign}"]`,
  );
}

const originOf = (endpoint: string | undefined): string[] => (endpoint === undefined ? [] : [new URL(endpoint).origin]);

const isIssuerMismatch = (error: unknown) =>
  (error as { code?: unknown } | undefined)?.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED';

const issuerMismatch = (cause: unknown) =>
  providerMisconfigured(
    'The identity provider calls itself by another issuer name than the one configured.',
    'Set `issuer` to exactly the value of "issuer" in its /.well-known/openid-configuration.',
    cause instanceof Error ? new Error(cause.message) : undefined,
  );

/** @throws FAILED_PRECONDITION IDENTITY_PROVIDER_MISCONFIGURED where `issuer` is neither https nor an allowed loopback http */
export function checkIssuerUrl(issuer: string, allowInsecure: boolean): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const secure = url?.protocol === 'https:' || (allowInsecure && url !== undefined && isLoopbackHttp(url));
  if (url && secure && url.username === '' && url.password === '' && url.search === '' && url.hash === '') return;
  throw providerMisconfigured(
    'The issuer of an identity provider has to be an https URL.',
    'Plain http is for a provider on this machine, and only where it is allowed in the server config.',
  );
}
