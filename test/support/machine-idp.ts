import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import Provider, { type JWK } from 'oidc-provider';

/** An issuer that machines have tokens of. */
export interface MachineIdp {
  readonly issuer: string;
  stop(): Promise<void>;
}

/** The runner of a job of GitHub Actions, with the keys of its issuer. */
export interface FakeGithub extends MachineIdp {
  /** Environment of a job of `repository` that has "permissions: id-token: write". */
  jobEnv(repository: string): NodeJS.ProcessEnv;
  /** Tokens given out so far. */
  readonly given: readonly string[];
}

const KEY_ID = 'k1';

async function listen(handler: RequestListener) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

/** Id tokens over real HTTP, by a real key set: what GitHub's runner and issuer do (docs.github.com, "OpenID Connect reference"). */
export async function startFakeGithub(): Promise<FakeGithub> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const given: string[] = [];
  const { issuer, stop } = await listen(async (request, response) => {
    const url = new URL(request.url ?? '', issuer);
    const send = (json: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(json));
    if (url.pathname === '/.well-known/openid-configuration') return send({ issuer, jwks_uri: `${issuer}/jwks` });
    if (url.pathname === '/jwks') {
      return send({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, use: 'sig', alg: 'RS256' }] });
    }
    const repository = /^Bearer job:(.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (url.pathname !== '/token' || repository === undefined) return response.writeHead(401).end();
    const value = await new SignJWT({ repository, ref: 'refs/heads/main', run_id: String(given.length) })
      .setProtectedHeader({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject(`repo:${repository}:ref:refs/heads/main`)
      .setAudience(url.searchParams.get('audience') ?? '')
      .setJti(`job-${given.length}`)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    given.push(value);
    return send({ value });
  });
  return {
    issuer,
    given,
    stop,
    jobEnv: (repository) => ({
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: `job:${repository}`,
    }),
  };
}

/** A client of a machine at {@link startMachineIdp}. */
export const MACHINE = { id: 'trainer', secret: 'trainer-secret' };

/** A real OpenID provider with the grant of machines; its access tokens are JWTs for the resource that was asked for. */
export async function startMachineIdp(): Promise<MachineIdp> {
  let handle: RequestListener = (_request, response) => void response.end();
  const { issuer, stop } = await listen((request, response) => handle(request, response));
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(key as JWK), kid: 'm1', use: 'sig', alg: 'ES256' }] },
    clients: [
      {
        client_id: MACHINE.id,
        client_secret: MACHINE.secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async (_context, audience) => ({
          audience,
          scope: '',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  handle = provider.callback();
  return { issuer, stop };
}
