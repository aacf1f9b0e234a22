import { type HttpReply, type HttpRequest, jsonReply, type Route } from '../transport/https.ts';
import { answerWith, fieldsOf, type PortalParts, readForm } from './calls.ts';
import { html } from './html.ts';
import type { Problem } from './problem.ts';

const KiB = 1024;
const MAX_LOGOUT_FORM = 32 * KiB;
const BACK_CHANNEL_PATH = '/oidc/backchannel-logout/';
export const LOGGED_OUT_PATH = '/logout/done';

/** What identity providers tell of logouts: themselves (Back-Channel Logout 1.0), and through the browser (RP-Initiated Logout 1.0). */
export function logoutRoutes(parts: PortalParts): readonly Route[] {
  return [
    { method: 'POST', path: BACK_CHANNEL_PATH, maxBody: MAX_LOGOUT_FORM, handle: (request) => told(parts, request) },
    { method: 'GET', path: LOGGED_OUT_PATH, handle: (request) => back(parts, request) },
  ];
}

const NO_STORE = { 'cache-control': 'no-store' } as const;

async function told(parts: PortalParts, request: HttpRequest): Promise<HttpReply> {
  const form = await readForm(request);
  const input = {
    provider: request.path.slice(BACK_CHANNEL_PATH.length),
    logoutToken: form?.get('logout_token') ?? '',
  };
  return answerWith(
    parts,
    { method: 'session.provider-logout', input, request },
    () => ({ status: 200, headers: NO_STORE, body: '' }),
    refusal,
  );
}

/** Section 2.8: 400 where the request or the logout failed. What may go well later says so. */
function refusal({ status, sentence, headers }: Problem): HttpReply {
  const passing = status === 429 || status >= 500;
  const error = passing ? 'temporarily_unavailable' : 'invalid_request';
  const body = { error, error_description: sentence };
  return jsonReply(passing ? status : 400, body, { ...NO_STORE, ...headers });
}

async function back(parts: PortalParts, request: HttpRequest): Promise<HttpReply> {
  const page = {
    title: 'You are logged out',
    body: html`<p class="fine" role="status">Your session at the identity provider has ended, and the one here too.</p>
<p>You may close this window.</p>`,
  };
  if (request.method === 'HEAD') return parts.pages.reply(page);
  const input = { state: fieldsOf(request.query).get('state') ?? '' };
  return answerWith(parts, { method: 'session.logged-out', input, request }, () => parts.pages.reply(page));
}
