/** One part of an issuer URL that differs from company to company. */
export interface IssuerPart {
  readonly name: string;
  readonly question: string;
  readonly example: string;
}

/** A kind of identity provider: how its issuers look, and what has to be known about it. */
export interface IdpKind {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Its issuer with the parts in braces. */
  readonly shape: string;
  readonly parts: readonly IssuerPart[];
  /** Issuers that look like one of it. */
  readonly pattern: RegExp;
  /** Settings of [[oidc]] that are not as their defaults. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where a client is made there. */
  readonly where: string;
  /** What goes wrong most, a sentence each. */
  readonly traps: readonly string[];
  /** Page below docs/idp; undefined for any other provider. */
  readonly guide?: string;
}

const host = (example: string): IssuerPart => ({ name: 'host', question: 'Host name', example });

/** In the order of the list that people choose from. Facts: the guides in docs/idp. */
export const IDP_KINDS: readonly [IdpKind, ...IdpKind[]] = [
  {
    id: 'keycloak',
    name: 'Keycloak',
    shape: 'https://{host}/realms/{realm}',
    parts: [host('id.example.org'), { name: 'realm', question: 'Realm', example: 'lab' }],
    pattern: /\/realms\/[^/]+\/?$/,
    where: 'Clients > Create client: OpenID Connect, client authentication on',
    traps: [
      'Turn on "OAuth 2.0 Device Authorization Grant" in the client, if people log in from machines without a browser.',
      'Groups need a mapper of type "Group Membership" (claim "groups", full path off), and --groups-claim groups here.',
      'People need the realm role offline_access (part of the default roles), or each login is refused as not allowed.',
      'Keycloak tells of logouts only with offline-access = false in the [[oidc]] table; a login then ends with its session there.',
    ],
    guide: 'keycloak',
  },
  {
    id: 'entra-id',
    name: 'Microsoft Entra ID',
    shape: 'https://login.microsoftonline.com/{tenant}/v2.0',
    parts: [{ name: 'tenant', question: 'Directory (tenant) ID', example: '11111111-2222-3333-4444-555555555555' }],
    pattern: /^https:\/\/login\.microsoftonline\.(com|us)\//,
    where: 'App registrations > New registration, platform "Web"',
    traps: [
      'The tenant is its id: "common" and "organizations" are no issuers.',
      'Turn on "Allow public client flows" for the device grant.',
      'Groups come as object ids, and not at all to people who are in more than 200.',
    ],
    guide: 'entra-id',
  },
  {
    id: 'okta',
    name: 'Okta',
    shape: 'https://{host}/oauth2/{server}',
    parts: [host('example.okta.com'), { name: 'server', question: 'Authorization server', example: 'default' }],
    pattern: /^https:\/\/[^/]+\.okta(preview)?\.com(\/|$)/,
    where: 'Applications > Create App Integration > OIDC, Web Application',
    traps: [
      'Tick the grants "Refresh Token" and, under Advanced, "Device Authorization".',
      'The access policy of the authorization server has to allow this client and these grants, too.',
      'Groups need a claim "groups" of the authorization server, in the ID token.',
    ],
    guide: 'okta',
  },
  {
    id: 'auth0',
    name: 'Auth0',
    shape: 'https://{host}/',
    parts: [host('example.eu.auth0.com')],
    pattern: /^https:\/\/[^/]+\.auth0\.com\/?$/,
    settings: { page: 'always', 'username-claim': 'nickname' },
    where: 'Applications > Create Application > Regular Web Application',
    traps: [
      'Its issuer ends with a slash.',
      'The device grant belongs to applications of type "Native" there: with a web application this server shows its own device page.',
      'Groups need an action that adds a claim with a URL as its name.',
    ],
    guide: 'auth0',
  },
  {
    id: 'google',
    name: 'Google',
    shape: 'https://accounts.google.com',
    parts: [],
    pattern: /^https:\/\/accounts\.google\.com\/?$/,
    settings: {
      page: 'always',
      'username-claim': 'email',
      // It has no scope offline_access, and gives a refresh token with each consent only (its OpenID Connect guide).
      'authorization-parameters': { access_type: 'offline', prompt: 'consent' },
    },
    where: 'Google Auth Platform > Clients > Create client: Web application',
    traps: [
      'There are no groups in its tokens: grant rights to people, or to groups of this server.',
      'Its device grant wants a client of another type ("TVs and Limited Input devices"): with a web application this server shows its own device page.',
      'Choose the audience "Internal" where only your organization may log in: else everybody with a Google account is an account here.',
    ],
    guide: 'google',
  },
  {
    id: 'authentik',
    name: 'Authentik',
    shape: 'https://{host}/application/o/{application}/',
    parts: [host('auth.example.org'), { name: 'application', question: 'Slug of the application', example: 'fedctl' }],
    pattern: /\/application\/o\/[^/]+\/?$/,
    where: 'Applications > Create with provider: OAuth2/OpenID, confidential',
    traps: [
      'Each application is an issuer of its own, and it ends with a slash.',
      'The device grant needs a device code flow in the brand; add the scope mapping offline_access for refresh tokens.',
      'Choose a signing key: without one its tokens are signed with the client secret, and refused here.',
    ],
    guide: 'authentik',
  },
  {
    id: 'dex',
    name: 'Dex',
    shape: 'https://{host}/dex',
    parts: [host('dex.example.org')],
    pattern: /\/dex\/?$/,
    settings: { scopes: ['openid', 'profile', 'email', 'groups'] },
    where: 'staticClients in its configuration',
    traps: [
      'The issuer is whatever its configuration says, letter by letter.',
      'Connectors that keep no refresh token of their own let a login last only as long as [tokens] without-refresh.',
      'What comes as "groups" depends on the connector.',
    ],
    guide: 'dex',
  },
  {
    id: 'other',
    name: 'any other OpenID provider',
    shape: '{issuer}',
    parts: [{ name: 'issuer', question: 'Issuer URL', example: 'https://id.example.org' }],
    pattern: /^/,
    where: 'wherever it keeps its clients (applications, relying parties)',
    traps: [],
  },
];

/** The kind that an issuer looks like; the last one fits all. */
export function kindOfIssuer(issuer: string): IdpKind {
  return IDP_KINDS.find(({ pattern }) => pattern.test(issuer)) ?? IDP_KINDS[0];
}

/** The issuer with its parts filled in; slashes around a part are taken off. */
export function issuerOf({ shape }: IdpKind, parts: Readonly<Record<string, string>>): string {
  return shape.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = (parts[name] ?? '').trim();
    return shape === '{issuer}' ? value : value.replace(/^https?:\/\//, '').replace(/^\/+|\/+$/g, '');
  });
}
