import { readFile } from 'node:fs/promises';
import type { ClientAuth, Configuration } from 'openid-client';
import { isLoopback } from '../../core/addresses.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { webFetch } from '../web.ts';
import { exchangeToken, SUBJECT } from './exchange.ts';
import type { Grant, GrantRequest } from './types.ts';

/**
 * Login of a machine that is a client of an identity provider (RFC 6749 section 4.4): its access token is exchanged for
 * one of the server's, which has to trust that provider. The secret goes to the provider and nowhere else.
 */
export const clientCredentials: Grant = async (request) => {
  const token = await askAuthority(request);
  // The scopes were for the provider.
  return await exchangeToken(request, { token, type: SUBJECT.accessToken });
};

async function askAuthority(request: GrantRequest): Promise<Secret> {
  const { authority, clientId, audience, scopes = [] } = request.settings;
  if (authority === undefined || clientId === undefined) throw incomplete();
  const issuer = checkAuthority(authority);
  const secret = await request.secrets.clientSecret();
  const { clientCredentialsGrant } = await import('openid-client');
  try {
    const configuration = await discover(request, { issuer, clientId, secret });
    const answer = await clientCredentialsGrant(configuration, {
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      // Some providers call it so, others take RFC 8707's word for addresses.
      ...(audience !== undefined && { audience, ...(URL.canParse(audience) && { resource: audience }) }),
    });
    return new Secret(answer.access_token);
  } catch (error) {
    throw isAppError(error) ? error : authorityFailure(error, issuer);
  }
}

async function discover(
  { settings, env }: GrantRequest,
  { issuer, clientId, secret }: { issuer: URL; clientId: string; secret: Secret },
): Promise<Configuration> {
  const client = await import('openid-client');
  const basic = client.ClientSecretBasic(secret.reveal());
  const post = client.ClientSecretPost(secret.reveal());
  // RFC 8414 section 2: basic where the provider says nothing.
  const authentication: ClientAuth = (as, ...rest) => {
    const methods = as.token_endpoint_auth_methods_supported;
    return (methods === undefined || methods.includes('client_secret_basic') ? basic : post)(as, ...rest);
  };
  const ca = settings.authorityCa === undefined ? undefined : await readCa(settings.authorityCa);
  return await client.discovery(issuer, clientId, undefined, authentication, {
    [client.customFetch]: webFetch({ ca, env }),
    execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
  });
}

/** @throws INVALID_ARGUMENT USAGE for anything but https, or http on this machine */
function checkAuthority(authority: string): URL {
  const url = URL.parse(authority);
  const plain = url?.protocol === 'http:' && isLoopback(url.hostname);
  if (url !== null && (url.protocol === 'https:' || plain) && url.username === '' && url.hash === '') return url;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', '--authority must be the https address of an issuer.', {
    hint: 'It is the "issuer" of the provider\'s /.well-known/openid-configuration.',
  });
}

function incomplete(): AppError {
  return new AppError('INVALID_ARGUMENT', 'USAGE', '--grant client_credentials needs --authority and --client-id.', {
    hint: 'The secret comes from --client-secret-file FILE, from FEDCTL_CLIENT_SECRET, or with --client-secret-stdin.',
  });
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('FAILED_PRECONDITION', 'ROOT_CERTIFICATES_UNREADABLE', `${file} can't be read.`, {
      hint: 'Correct --authority-ca.',
      cause,
    });
  }
}

/** What openid-client throws, without what the provider said: that may quote what it was sent. */
function authorityFailure(error: unknown, { origin }: URL): AppError {
  const { error: told, code } = error as { error?: unknown; code?: unknown };
  // A challenge in a header goes before the words of the answer.
  const named = code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' ? 'invalid_client' : told;
  if (typeof named === 'string' && /^[a-z_]{1,40}$/.test(named)) {
    const text = `${origin} refuses this client: ${named}.`;
    return new AppError('UNAUTHENTICATED', 'CLIENT_REFUSED', text, {
      hint: 'Look at --client-id, the secret, --scope and --audience, and whether the client may use this grant there.',
    });
  }
  if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    const text = `The provider at ${origin} calls itself by another issuer than --authority says.`;
    return new AppError('FAILED_PRECONDITION', 'AUTHORITY_MISMATCH', text, {
      hint: 'Use exactly the "issuer" of its /.well-known/openid-configuration, slash at the end or not.',
    });
  }
  return new AppError('UNAVAILABLE', 'AUTHORITY_UNAVAILABLE', `${origin} can't be used as an identity provider.`, {
    hint: 'Is the address right and reachable, and its certificate trusted (--authority-ca)?',
    cause: error instanceof Error ? new Error(error.message) : undefined,
  });
}
