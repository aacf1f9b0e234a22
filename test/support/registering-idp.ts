import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export const REGISTRATION_TOKEN = 'initial-access-token-canary';

export interface RegisteringIdp {
  readonly issuer: string;
  /** What it knows of a client. */
  client(id: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  stop(): Promise<void>;
}

/** A real OpenID provider (npm oidc-provider) on loopback that registers clients for whoever has REGISTRATION_TOKEN. */
export async function startRegisteringIdp(): Promise<RegisteringIdp> {
  let handle: ReturnType<Provider['callback']> | undefined;
  const server = createServer((request, response) => handle?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    cookies: { keys: ['only-for-tests'] },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub', 'groups'], profile: ['preferred_username'], email: ['email'] },
    features: {
      deviceFlow: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      registration: { enabled: true, initialAccessToken: REGISTRATION_TOKEN },
      registrationManagement: { enabled: true },
    },
  });
  handle = provider.callback();
  return {
    issuer,
    client: async (id) => (await provider.Client.find(id))?.metadata() as Record<string, unknown> | undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
