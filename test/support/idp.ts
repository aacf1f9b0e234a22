import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import Provider, { type ClientMetadata, type Configuration } from 'oidc-provider';
import { openBrowser, type Page } from '../../src/dev/browser.ts';

export const TEST_CLIENT = { id: 'fedctl-test', secret: 'fedctl-test-secret' };

/** As the control plane of a test has them, and a CLI on any port. */
export const TEST_REDIRECT_URIS = [
  'https://fedctl.example.test/oidc/callback/test',
  'https://fedctl.example.test/oidc/callback/real',
  'http://127.0.0.1/oauth/callback',
];

export interface TestIdp {
  readonly issuer: string;
  readonly provider: Provider;
  /** Requests so far, as "POST /token refresh_token 200". */
  readonly requests: readonly string[];
  /** Approves in process what a person would approve on the pages. */
  approveDirect(userCode: string, account: string): Promise<void>;
  stop(): Promise<void>;
}

export interface TestIdpOptions {
  /** Serves https with this pair, PEM. */
  readonly tls?: { cert: string; key: string };
  readonly accounts?: readonly string[];
  /** Refresh tokens are given and, by default, rotated at each use. */
  readonly refreshTokens?: boolean;
  readonly rotate?: boolean;
  readonly groups?: (account: string) => readonly string[];
  /** As the standard has it, names then come from the userinfo endpoint only. */
  readonly claimsInUserinfo?: boolean;
  /** Without the device grant only the code grant is left. */
  readonly deviceGrant?: boolean;
  /** What the client may have as redirect URI, on loopback with any port; default TEST_REDIRECT_URIS. */
  readonly redirectUris?: readonly string[];
  /** Other settings of the client. */
  readonly client?: Partial<ClientMetadata>;
}

/** A real OpenID provider (npm oidc-provider, memory adapter) on loopback. */
export async function startTestIdp(options: TestIdpOptions = {}): Promise<TestIdp> {
  const requests: string[] = [];
  let handle = (_request: IncomingMessage, response: ServerResponse): unknown => response.end();
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    response.once('finish', () => requests.push(`${request.method} ${request.url} ${response.statusCode}`));
    handle(request, response);
  };
  const server = options.tls ? createHttps(options.tls, listener) : createHttp(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(options));
  handle = provider.callback();
  return {
    issuer,
    provider,
    requests,
    approveDirect: (userCode, account) => approve(provider, userCode, account),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const jwk = (key: KeyObject, kid: string, alg: string) => ({ ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' });

function configuration(options: TestIdpOptions): Configuration {
  const { accounts = ['alice', 'bob'], refreshTokens = true, rotate = true, groups = () => [] } = options;
  const { deviceGrant = true, redirectUris = TEST_REDIRECT_URIS } = options;
  const device = deviceGrant ? ['urn:ietf:params:oauth:grant-type:device_code'] : [];
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return {
    jwks: { keys: [jwk(rsa, 'rsa', 'RS256') as never] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: [
      {
        client_id: TEST_CLIENT.id,
        client_secret: TEST_CLIENT.secret,
        // Native: then the port of a redirect URI on loopback is free (RFC 8252 section 7.3).
        application_type: 'native',
        grant_types: [...device, 'authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [...redirectUris],
        ...options.client,
      },
    ],
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub', 'groups'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: options.claimsInUserinfo ?? false,
    findAccount: (_context, id) =>
      accounts.includes(id)
        ? {
            accountId: id,
            claims: async () => ({
              sub: id,
              preferred_username: id,
              name: `${id} of Test`,
              email: `${id}@example.test`,
              groups: [...groups(id)],
            }),
          }
        : undefined,
    rotateRefreshToken: rotate,
    issueRefreshToken: async () => refreshTokens,
    ttl: {
      AccessToken: 300,
      DeviceCode: 600,
      Grant: 86_400,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 600,
    },
    features: {
      deviceFlow: { enabled: deviceGrant },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
    },
  };
}

async function approve(provider: Provider, userCode: string, accountId: string): Promise<void> {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/\W/g, '').toUpperCase());
  if (!code) throw new Error('no such user code');
  const scope = String(code.params?.scope ?? 'openid');
  const grant = new provider.Grant({ accountId, clientId: TEST_CLIENT.id });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  Object.assign(code, { accountId, grantId, scope, claims: {}, authTime: Math.floor(Date.now() / 1000) });
  await code.save();
}

/** Clicks through the provider's pages as a person: compares the code, logs in (any password), consents; or refuses. */
export async function approveByForms(url: string, account: string, { deny = false } = {}): Promise<Page> {
  const browser = openBrowser();
  let page = await browser.open(url);
  for (let step = 0; step < 8; step += 1) {
    const form = page.forms[0];
    if (!form) return page;
    if (deny && form.id === 'op.deviceConfirmForm') return browser.submit(form, { abort: 'yes' });
    page = await browser.submit(form, form.fields.prompt === 'login' ? { login: account, password: 'x' } : {});
  }
  throw new Error(`the pages do not end: ${page.url.pathname}`);
}

/**
 * Logs in (any password) and consents at the pages behind an authorization URL; or refuses.
 * @returns where the provider sends the browser then: the redirect URI with its parameters
 */
export async function signInByForms(authorizationUrl: string, account: string, { deny = false } = {}): Promise<URL> {
  const target = new URL(new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '');
  const arrived = (url: URL) => url.origin === target.origin && url.pathname === target.pathname;
  const browser = openBrowser({ stopAt: arrived });
  let page = await browser.open(authorizationUrl);
  for (let step = 0; step < 8 && !arrived(page.url); step += 1) {
    const [form] = page.forms;
    const refusal = deny ? /href="([^"]*\/abort)"/.exec(page.html)?.[1] : undefined;
    if (refusal) page = await browser.open(new URL(refusal, page.url));
    else if (form)
      page = await browser.submit(form, form.fields.prompt === 'login' ? { login: account, password: 'x' } : {});
    else break;
  }
  if (arrived(page.url)) return page.url;
  throw new Error(`the pages do not lead back: ${page.status} ${page.url.pathname}`);
}
