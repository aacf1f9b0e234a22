import { readFileSync } from 'node:fs';
import { Agent, fetch } from 'undici';
import { passwordOf, secretOf } from '../../support/keycloak.ts';
import type { Stage } from './shared.ts';

/** An access token straight from Keycloak: of the client itself, or of a person by password. */
export async function robotToken(
  { issuer, keycloak }: Stage,
  { client = 'robot', user }: { client?: string; user?: string } = {},
): Promise<string> {
  const body = new URLSearchParams({ client_id: client, client_secret: secretOf(client) });
  body.set('grant_type', user === undefined ? 'client_credentials' : 'password');
  if (user !== undefined) {
    body.set('username', user);
    body.set('password', passwordOf(user));
  }
  const dispatcher = new Agent({ connect: { ca: readFileSync(keycloak.tls.ca, 'utf8') } });
  const response = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body, dispatcher });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  await dispatcher.close();
  if (token === undefined) throw new Error(`Keycloak gives no token to ${client}`);
  return token;
}
