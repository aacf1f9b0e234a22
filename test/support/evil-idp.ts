import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomUUID,
  sign,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuthorizationAnswer } from '../../src/core/services.ts';

export interface EvilRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
}

/** What an endpoint answers: JSON with a status, or a free hand on the response. */
export type EvilAnswer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly raw: (response: ServerResponse, request: EvilRequest) => void };
export type Script = (request: EvilRequest, count: number) => EvilAnswer | Promise<EvilAnswer>;

/** A provider that says what a test tells it to, over real HTTP on loopback. Unscripted, it behaves. */
export interface EvilIdp {
  readonly issuer: string;
  readonly requests: readonly EvilRequest[];
  /** Requests at that path so far. */
  count(path: string): number;
  /** Replaces what a path answers: /discovery /authorize /device /token /keys /revoke /userinfo /introspect. */
  on(path: string, script: Script): void;
  /** An ID token; `claims` and `header` overwrite or, with undefined, remove. */
  idToken(claims?: Record<string, unknown>, header?: Record<string, unknown>, key?: KeyObject): string;
  /** A good token answer with that ID token. */
  tokens(change?: Record<string, unknown>): EvilAnswer;
  /** As `tokens`, for a code of `/authorize`: its ID token has the nonce that was asked for. Refuses another verifier or code. */
  codeTokens(request: EvilRequest, change?: Record<string, unknown>, claims?: Record<string, unknown>): EvilAnswer;
  /** Opens an authorization URL as a browser does; somebody is logged in already and agrees. @returns where it is sent then */
  signIn(authorizationUrl: string): Promise<URL>;
  stop(): Promise<void>;
}

export const EVIL_CLIENT = { id: 'fedctl-test', secret: 's3cr3t-canary' };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Keys of providers that have stopped: making one takes longer than a test. No two that run have the same. */
const SPARE_KEYS: KeyPairKeyObjectResult[] = [];

export async function startEvilIdp(): Promise<EvilIdp> {
  const requests: EvilRequest[] = [];
  const scripts = new Map<string, Script>();
  const server = createServer((request, response) => {
    void answer(request, response, requests, scripts);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pair = SPARE_KEYS.pop() ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { publicKey, privateKey } = pair;

  const idToken: EvilIdp['idToken'] = (claims = {}, header = {}, key = privateKey) => {
    const now = Math.floor(Date.now() / 1000);
    const base = {
      iss: issuer,
      aud: EVIL_CLIENT.id,
      sub: 'alice',
      iat: now,
      exp: now + 300,
      preferred_username: 'alice',
    };
    const input = `${part({ alg: 'RS256', kid: 'k1', ...header })}.${part({ ...base, ...claims })}`;
    return `${input}.${header.alg === 'none' ? '' : sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  };
  const tokens: EvilIdp['tokens'] = (change = {}) => ({
    json: { access_token: 'opaque', token_type: 'Bearer', refresh_token: 'rt-1', id_token: idToken(), ...change },
  });
  const codes = new Map<string, URLSearchParams>();
  const codeTokens: EvilIdp['codeTokens'] = ({ form }, change = {}, claims = {}) => {
    const asked = codes.get(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const matches =
      challenge === asked?.get('code_challenge') && form.get('redirect_uri') === asked.get('redirect_uri');
    if (!matches) return { status: 400, json: { error: 'invalid_grant' } };
    return tokens({ id_token: idToken({ nonce: asked.get('nonce') ?? undefined, ...claims }), ...change });
  };
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }];
  const good: Record<string, Script> = {
    '/discovery': () => ({ json: evilMetadata(issuer) }),
    '/keys': () => ({ json: { keys } }),
    '/device': () => ({ json: goodDevice(issuer) }),
    '/authorize': ({ query }) => {
      const code = randomUUID();
      codes.set(code, query);
      return backTo(query, { code, iss: issuer });
    },
    '/token': (request) => (request.form.get('grant_type') === 'authorization_code' ? codeTokens(request) : tokens()),
    '/revoke': () => ({ json: {} }),
    '/userinfo': () => ({ status: 404, json: {} }),
  };
  for (const [path, script] of Object.entries(good)) scripts.set(path, script);
  return {
    issuer,
    requests,
    count: (path) => requests.filter((request) => request.path === path).length,
    on: (path, script) => scripts.set(path, script),
    idToken,
    tokens,
    codeTokens,
    async signIn(authorizationUrl) {
      const response = await fetch(authorizationUrl, { redirect: 'manual' });
      return new URL(response.headers.get('location') ?? '');
    },
    stop: () =>
      new Promise((resolve) => {
        SPARE_KEYS.push(pair);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const evilMetadata = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  authorization_response_iss_parameter_supported: true,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  introspection_endpoint: `${issuer}/introspect`,
  token_endpoint: `${issuer}/token`,
  device_authorization_endpoint: `${issuer}/device`,
  revocation_endpoint: `${issuer}/revoke`,
  userinfo_endpoint: `${issuer}/userinfo`,
  jwks_uri: `${issuer}/keys`,
  scopes_supported: ['openid', 'profile', 'offline_access'],
  id_token_signing_alg_values_supported: ['RS256', 'ES256', 'none', 'HS256'],
});

/** A redirect to the redirect URI of an authorization request, with its state. */
export function backTo(query: URLSearchParams, parameters: Record<string, string>): EvilAnswer {
  const location = new URL(query.get('redirect_uri') ?? '');
  const state = query.get('state');
  for (const [name, value] of Object.entries({ ...(state === null ? {} : { state }), ...parameters }))
    location.searchParams.set(name, value);
  return { raw: (response) => response.writeHead(302, { location: location.href }).end() };
}

/** What a redirect brought, as the server's callback and the CLI's listener read it. */
export function answerOf(location: URL): AuthorizationAnswer {
  const get = (name: string): string => location.searchParams.get(name) ?? '';
  return {
    code: get('code'),
    state: get('state'),
    iss: get('iss'),
    error: get('error'),
    errorDescription: get('error_description'),
  };
}

export const goodDevice = (issuer: string) => ({
  device_code: 'device-code-canary',
  user_code: 'ABCD-EFGH',
  verification_uri: `${issuer}/verify`,
  verification_uri_complete: `${issuer}/verify?user_code=ABCD-EFGH`,
  expires_in: 600,
});

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  requests: EvilRequest[],
  scripts: ReadonlyMap<string, Script>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const asked = new URL(incoming.url ?? '/', 'http://x');
  const path = asked.pathname === '/.well-known/openid-configuration' ? '/discovery' : asked.pathname;
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const request = { method: incoming.method ?? '', path, headers: incoming.headers, query: asked.searchParams, form };
  requests.push(request);
  const script = scripts.get(path) ?? (() => ({ status: 404, json: {} }));
  const made = await script(request, requests.filter((one) => one.path === path).length);
  if ('raw' in made) return made.raw(response, request);
  response.writeHead(made.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(made.json));
}

export const html = (status: number): EvilAnswer => ({
  raw: (response) => response.writeHead(status, { 'content-type': 'text/html' }).end('<html>oops</html>'),
});
export const drop: EvilAnswer = { raw: (response) => response.destroy() };
