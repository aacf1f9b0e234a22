import { readFileSync } from 'node:fs';
import type Provider from 'oidc-provider';
import type { ClientMetadata } from 'oidc-provider';
import { Agent, fetch } from 'undici';
import { isLoopback } from '../core/addresses.ts';
import { DEV_ISSUER_ALIAS } from './seeds.ts';

export const IDP_CLIENT_ID = 'fedctl';

/** The control plane, as its browsers and the dev identity provider reach it. */
export interface DevControlPlane {
  /** `https://127.0.0.1:PORT` */
  readonly origin: string;
  /** PEM file of its authority. */
  readonly ca: string;
}

/** Path of a CLI's listener for the authorization code (RFC 8252, section 7.3). */
const CLI_REDIRECT_PATH = '/oauth/callback';

/** The one client of the dev identity provider: the control plane, with all the ways to log in that it relays. */
export function devClient(options: { secret: string; controlPlane: DevControlPlane | undefined }): ClientMetadata {
  const { secret, controlPlane } = options;
  const at = (path: string): string => `${controlPlane?.origin}${path}`;
  return {
    client_id: IDP_CLIENT_ID,
    client_secret: secret,
    client_name: 'fedctl',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [
      `http://127.0.0.1${CLI_REDIRECT_PATH}`,
      ...(controlPlane ? [at(`/oidc/callback/${DEV_ISSUER_ALIAS}`)] : []),
    ],
    require_auth_time: true,
    ...(controlPlane && {
      post_logout_redirect_uris: [at('/logout/done')],
      backchannel_logout_uri: at(`/oidc/backchannel-logout/${DEV_ISSUER_ALIAS}`),
      backchannel_logout_session_required: true,
    }),
  };
}

/** A CLI listens on any port. The library knows that for native clients only, which may have no https address on loopback. */
export function allowCliRedirects(provider: Provider): void {
  const client = provider.Client.prototype;
  const { redirectUriAllowed } = client;
  client.redirectUriAllowed = function (this: typeof client, uri: string): boolean {
    return redirectUriAllowed.call(this, uri) || isCliRedirect(uri);
  };
}

function isCliRedirect(uri: string): boolean {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== 'http:' || !isLoopback(url.hostname)) return false;
  return url.pathname === CLI_REDIRECT_PATH && url.search === '' && url.hash === '' && url.username === '';
}

/** Tells the control plane of logouts; its certificate is of its own authority, which exists by then. */
export function fetchFrom(controlPlane: DevControlPlane | undefined): typeof globalThis.fetch {
  let agent: Agent | undefined;
  return async (url, init) => {
    if (!controlPlane || new URL(String(url)).origin !== controlPlane.origin) return globalThis.fetch(url, init);
    agent ??= new Agent({ connect: { ca: readFileSync(controlPlane.ca, 'utf8') }, pipelining: 0 });
    const asked = { ...init, dispatcher: agent } as unknown as Parameters<typeof fetch>[1];
    return (await fetch(String(url), asked)) as unknown as globalThis.Response;
  };
}
