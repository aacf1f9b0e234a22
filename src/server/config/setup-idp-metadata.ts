import { AppError } from '../../core/errors.ts';

/** HTTP that is bounded in time and size and follows no redirect. */
export type BoundedFetch = (
  url: string,
  options: { readonly method: string; readonly headers: Record<string, string>; readonly body?: string },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** What we read of a discovery document (OpenID Connect Discovery 1.0, RFC 8414); all else is left alone. */
export interface IdpMetadata {
  readonly issuer: string;
  readonly [field: string]: unknown;
}

export interface FoundIdp {
  /** As the provider spells it: what belongs into the configuration. */
  readonly issuer: string;
  readonly metadata: IdpMetadata;
  /** The issuer that was asked for was spelt in another way. */
  readonly respelt: boolean;
}

/** What a provider offers, as its metadata say. */
export interface Offers {
  readonly device: boolean;
  readonly code: boolean;
  readonly pkce: boolean;
  readonly refresh: boolean;
  readonly offlineAccess: boolean;
  readonly backChannelLogout: boolean;
  readonly endSession: boolean;
  readonly revocation: boolean;
  readonly registration: boolean;
  /** It names a claim "groups"; many that have one don't say so. */
  readonly groups: boolean;
}

const WELL_KNOWN = '/.well-known/openid-configuration';

/**
 * Reads the provider's metadata. A slash too many or too few is put right; any other name than the one asked for is not.
 * @throws INVALID_ARGUMENT USAGE, UNAVAILABLE IDENTITY_PROVIDER_UNAVAILABLE, FAILED_PRECONDITION IDENTITY_PROVIDER_MISCONFIGURED
 */
export async function findIdp({ asked, fetch }: { asked: string; fetch: BoundedFetch }): Promise<FoundIdp> {
  const wanted = asked.endsWith(WELL_KNOWN) ? asked.slice(0, -WELL_KNOWN.length) : asked;
  if (!URL.canParse(wanted)) throw usage(`"${wanted}" is no URL: an issuer looks like https://id.example.org`);
  const url = `${wanted.replace(/\/+$/, '')}${WELL_KNOWN}`;
  const metadata = parseMetadata(await read(url, fetch), url);
  const { issuer } = metadata;
  if (bare(issuer) !== bare(wanted)) throw otherName(wanted, issuer);
  return { issuer, metadata, respelt: issuer !== wanted };
}

export function offersOf(metadata: IdpMetadata): Offers {
  const has = (field: string) => typeof metadata[field] === 'string';
  // RFC 8414 and Discovery: without the list it is these.
  const grants = listOf(metadata, 'grant_types_supported') ?? ['authorization_code', 'implicit'];
  const scopes = listOf(metadata, 'scopes_supported') ?? [];
  const offlineAccess = scopes.includes('offline_access');
  return {
    device: has('device_authorization_endpoint'),
    code: has('authorization_endpoint') && grants.includes('authorization_code'),
    pkce: (listOf(metadata, 'code_challenge_methods_supported') ?? []).includes('S256'),
    refresh: offlineAccess || grants.includes('refresh_token'),
    offlineAccess,
    backChannelLogout: metadata.backchannel_logout_supported === true,
    endSession: has('end_session_endpoint'),
    revocation: has('revocation_endpoint'),
    registration: has('registration_endpoint'),
    groups: (listOf(metadata, 'claims_supported') ?? []).includes('groups'),
  };
}

export function listOf(metadata: IdpMetadata, field: string): readonly string[] | undefined {
  const list = metadata[field];
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : undefined;
}

const bare = (issuer: string) => issuer.replace(/\/+$/, '');

async function read(url: string, fetch: BoundedFetch): Promise<string> {
  const answer = await fetch(url, { method: 'GET', headers: { accept: 'application/json' } }).catch((cause) => {
    throw unreachable(url, cause);
  });
  const { status } = answer;
  if (status === 200) return answer.text();
  const to = answer.headers.get('location');
  if (status >= 300 && status < 400 && to !== null) {
    throw noProvider(url, `it redirects to ${URL.canParse(to, url) ? new URL(to, url).origin : 'another address'}`);
  }
  throw noProvider(url, `it answers with HTTP ${status}`);
}

function parseMetadata(text: string, url: string): IdpMetadata {
  let metadata: unknown;
  try {
    metadata = JSON.parse(text);
  } catch (cause) {
    throw noProvider(url, 'what stands there is no JSON', cause);
  }
  const { issuer, jwks_uri: keys, token_endpoint: token } = (metadata ?? {}) as Record<string, unknown>;
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) throw noProvider(url, 'it names no issuer');
  if (typeof keys !== 'string') throw noProvider(url, 'it publishes no keys (jwks_uri)');
  if (typeof token !== 'string') throw noProvider(url, 'it has no token endpoint');
  return metadata as IdpMetadata;
}

const CERTIFICATE = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED|DEPTH_ZERO/;
const OTHER_CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of that name',
  ECONNREFUSED: 'nothing listens there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function unreachable(url: string, cause: unknown): AppError {
  const code = codeOf(cause);
  const isForeign = CERTIFICATE.test(code);
  const why = isForeign ? 'its certificate comes from an unknown authority' : (OTHER_CAUSES[code] ?? 'no answer');
  return new AppError('UNAVAILABLE', 'IDENTITY_PROVIDER_UNAVAILABLE', `Can't read ${url}: ${why}.`, {
    cause,
    ...(isForeign && { hint: 'Name the CA certificate of the provider: --ca FILE' }),
  });
}

/** The first code in a chain of causes. */
function codeOf(error: unknown): string {
  for (let at = error as { code?: unknown; cause?: unknown } | undefined, depth = 0; at && depth < 5; depth += 1) {
    if (typeof at.code === 'string') return at.code;
    at = at.cause as typeof at;
  }
  return '';
}

function noProvider(url: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'FAILED_PRECONDITION',
    'IDENTITY_PROVIDER_MISCONFIGURED',
    `There is no OpenID provider at ${url}: ${why}.`,
    {
      cause,
      hint: 'The issuer is the address before /.well-known/openid-configuration.',
    },
  );
}

function otherName(asked: string, issuer: string): AppError {
  const text = `The provider at ${asked} calls itself ${issuer}; every token of it says so, too.`;
  return new AppError('FAILED_PRECONDITION', 'IDENTITY_PROVIDER_MISCONFIGURED', text, {
    hint: /[{}]/.test(issuer)
      ? 'That is a pattern for many tenants: use the address with the id of yours.'
      : 'Use exactly that name, if it is the provider you mean.',
  });
}

function usage(text: string): AppError {
  return new AppError('INVALID_ARGUMENT', 'USAGE', `${text}.`, { hint: 'See: fedctl server setup-idp --help' });
}
