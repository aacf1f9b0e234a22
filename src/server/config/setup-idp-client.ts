import { AppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { type BoundedFetch, type IdpMetadata, listOf, type Offers } from './setup-idp-metadata.ts';

/** The client that a provider shall have for this server. */
export interface WantedClient {
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  readonly backChannelLogoutUri: string;
  readonly postLogoutRedirectUri: string;
}

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** Where `fedctl login --grant code` listens; providers that compare exactly need the port, too (RFC 8252 section 7.3). */
const LOOPBACK = ['http://127.0.0.1:31111/oauth/callback', 'http://localhost:31111/oauth/callback'];

export function wantedClient(options: {
  readonly publicUrl: string;
  readonly alias: string;
  readonly offers: Offers;
  readonly scopes: readonly string[];
}): WantedClient {
  const { alias, offers, scopes } = options;
  const publicUrl = options.publicUrl.replace(/\/+$/, '');
  return {
    redirectUris: [`${publicUrl}/oidc/callback/${alias}`, ...LOOPBACK],
    grantTypes: [
      ...(offers.code ? ['authorization_code'] : []),
      ...(offers.device ? [DEVICE_GRANT] : []),
      ...(offers.refresh ? ['refresh_token'] : []),
    ],
    scopes: [...new Set([...scopes, ...(offers.offlineAccess ? ['offline_access'] : [])])],
    backChannelLogoutUri: `${publicUrl}/oidc/backchannel-logout/${alias}`,
    postLogoutRedirectUri: `${publicUrl}/logout/done`,
  };
}

/** What a provider registered, which may be something else than what was asked for. */
export interface RegisteredClient {
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** With it the client can be changed and deleted there (RFC 7592): JSON {uri, token}. */
  readonly management: Secret | undefined;
  /** What is missing against the wish, a sentence each. */
  readonly lacks: readonly string[];
}

export interface Registration {
  readonly metadata: IdpMetadata;
  readonly wanted: WantedClient;
  /** Initial access token, where the provider wants one. */
  readonly token: Secret | undefined;
  readonly fetch: BoundedFetch;
}

/**
 * Registers the client (RFC 7591). What the provider answers counts, not what was asked (security.md DR-02).
 * @throws FAILED_PRECONDITION REGISTRATION_REFUSED | REGISTRATION_UNUSABLE, UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE
 */
export async function registerClient({ metadata, wanted, token, fetch }: Registration): Promise<RegisteredClient> {
  const endpoint = String(metadata.registration_endpoint);
  // The token opens the provider's door: nobody else gets it (security.md BC-08).
  if (!URL.canParse(endpoint) || new URL(endpoint).origin !== new URL(metadata.issuer).origin) {
    throw unusable('its registration endpoint is not on its own host');
  }
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` };
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
    body: JSON.stringify(requestOf(metadata, wanted)),
  }).catch((cause) => {
    throw new AppError(
      'UNAVAILABLE',
      'IDENTITY_PROVIDER_UNAVAILABLE',
      'The provider did not answer the registration.',
      {
        cause,
        hint: 'Look there whether the client was made before you try again.',
      },
    );
  });
  const body = parseAnswer(await answer.text());
  if (answer.status !== 200 && answer.status !== 201) throw refused(answer.status, body);
  return judge(body, wanted, methodFor(metadata));
}

/** No `scope`: that means the usual ones, and Keycloak refuses "openid" there. RFC 7591 section 2; OpenID Connect Back-Channel Logout 1.0 section 2.2, RP-Initiated Logout 1.0 section 3.1. */
function requestOf(metadata: IdpMetadata, wanted: WantedClient): object {
  return {
    client_name: 'fedctl',
    application_type: 'web',
    redirect_uris: wanted.redirectUris,
    grant_types: wanted.grantTypes,
    response_types: ['code'],
    token_endpoint_auth_method: methodFor(metadata),
    backchannel_logout_uri: wanted.backChannelLogoutUri,
    backchannel_logout_session_required: true,
    post_logout_redirect_uris: [wanted.postLogoutRedirectUri],
  };
}

/** How this server authenticates as a client: basic where the provider takes it or says nothing (RFC 8414 section 2). */
function methodFor(metadata: IdpMetadata): string {
  const methods = listOf(metadata, 'token_endpoint_auth_methods_supported') ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? 'client_secret_basic' : 'client_secret_post';
}

function judge(body: Readonly<Record<string, unknown>>, wanted: WantedClient, ours: string): RegisteredClient {
  const { client_id: id, client_secret: secret, client_secret_expires_at: expires } = body;
  if (typeof id !== 'string' || id === '') throw unusable('it named no client id');
  // Section 2: without a word it is basic.
  const method = body.token_endpoint_auth_method ?? 'client_secret_basic';
  if (method !== ours) throw unusable(`the client was registered for another way to authenticate than ${ours}`);
  if (typeof secret !== 'string' || secret === '') throw unusable('it gave no client secret');
  const { registration_client_uri: uri, registration_access_token: token } = body;
  const management =
    typeof uri === 'string' && typeof token === 'string' ? new Secret(JSON.stringify({ uri, token })) : undefined;
  const lacks = [
    ...missing('redirect URI', body.redirect_uris, wanted.redirectUris),
    ...missing('grant', body.grant_types, wanted.grantTypes),
  ];
  if (typeof expires === 'number' && expires > 0) {
    lacks.push(`The client secret ends on ${new Date(expires * 1000).toISOString().slice(0, 10)}.`);
  }
  return { clientId: id, clientSecret: new Secret(secret), management, lacks };
}

function missing(what: string, given: unknown, wanted: readonly string[]): string[] {
  if (!Array.isArray(given)) return [];
  return wanted.filter((one) => !given.includes(one)).map((one) => `The provider left out the ${what} ${one}.`);
}

function parseAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** RFC 7591 section 3.2.2. Its error names are a vocabulary; the description is free text of theirs and stays out. */
function refused(status: number, { error }: Readonly<Record<string, unknown>>): AppError {
  const word = typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? `: ${error}` : '';
  const text = `The provider refused to register a client (HTTP ${status}${word}).`;
  return new AppError('FAILED_PRECONDITION', 'REGISTRATION_REFUSED', text, {
    hint:
      status === 401 || status === 403
        ? 'It may want an initial access token: --registration-token-file FILE. Or leave out --register and make the client by hand.'
        : 'Leave out --register and make the client by hand.',
  });
}

function unusable(why: string): AppError {
  return new AppError('FAILED_PRECONDITION', 'REGISTRATION_UNUSABLE', `The registration can't be used: ${why}.`, {
    hint: 'Leave out --register and make the client by hand.',
  });
}
