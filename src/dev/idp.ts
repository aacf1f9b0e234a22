import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { allowCliRedirects, type DevControlPlane, devClient, fetchFrom, IDP_CLIENT_ID } from './idp-client.ts';
import { answerInteraction, INTERACTION_PATH, sendPage } from './idp-interactions.ts';
import { codeConfirmPage, codeInputPage, donePage, loggedOutPage, logoutPage, problemPage } from './idp-pages.ts';
import { type IdpStore, openIdpStore } from './idp-store.ts';
import { type DevAccount, type IdpSecrets, loadIdpSecrets } from './secrets-file.ts';

export interface DevIdp {
  /** `http://127.0.0.1:PORT` */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly accounts: readonly DevAccount[];
  stop(): Promise<void>;
}

export interface IdpOptions {
  readonly folder: string;
  readonly port: number;
  readonly now: () => number;
  /** Absent: the device grant and a CLI's own listener are all that it can serve. */
  readonly controlPlane?: DevControlPlane;
}

const DAY = 24 * 60 * 60;
/** The library names no interval, which means five seconds (RFC 8628, 3.2); nobody needs to be spared here. */
const POLL_SECONDS = 1;

/**
 * Starts the identity provider of the embedded stack on loopback: device grant (RFC 8628) and authorization code, with pages
 * of our own, consent, refresh tokens with rotation, revocation, logout. All that it remembers is in `folder`.
 */
export async function startIdp(options: IdpOptions): Promise<DevIdp> {
  const issuer = `http://127.0.0.1:${options.port}`;
  const secrets = loadIdpSecrets(join(options.folder, 'idp.json'));
  const store = openIdpStore({ file: join(options.folder, 'idp.db'), now: options.now });
  const provider = new Provider(issuer, configure(secrets, store, options.controlPlane));
  allowCliRedirects(provider);
  provider.use(async (context, next) => {
    await next();
    if (context.oidc?.route === 'device_authorization' && context.status === 200) {
      context.body = { ...(context.body as object), interval: POLL_SECONDS };
    }
  });
  const callback = provider.callback();
  const server = createServer((request, response) => {
    const answer = request.url?.startsWith(INTERACTION_PATH)
      ? answerInteraction({ provider, accounts: secrets.accounts, request, response })
      : callback(request, response);
    answer.catch(() => failRequest(request, response));
  });
  try {
    await listen(server, options.port);
  } catch (error) {
    store.close();
    throw error;
  }
  return {
    issuer,
    clientId: IDP_CLIENT_ID,
    clientSecret: secrets.clientSecret,
    accounts: secrets.accounts,
    stop: async () => {
      await close(server);
      store.close();
    },
  };
}

function configure(secrets: IdpSecrets, store: IdpStore, controlPlane: DevControlPlane | undefined): Configuration {
  const names = new Set(secrets.accounts.map((account) => account.name));
  return {
    adapter: store.adapter,
    jwks: { keys: [...secrets.keys] },
    cookies: { keys: [secrets.cookieKey], long: { signed: true }, short: { signed: true } },
    clients: [devClient({ secret: secrets.clientSecret, controlPlane })],
    fetch: fetchFrom(controlPlane),
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    // Small tokens hold their claims themselves: the control plane needs no userinfo call.
    conformIdTokenClaims: false,
    findAccount: (_context, id) =>
      names.has(id) ? { accountId: id, claims: () => Promise.resolve(claimsOf(id)) } : undefined,
    interactions: { url: (_context, interaction) => `${INTERACTION_PATH}${interaction.uid}` },
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    // Whoever logs in stays logged in: without prompt=consent the library drops offline_access from a request for a code.
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: 600,
      DeviceCode: 600,
      Grant: 30 * DAY,
      IdToken: 600,
      Interaction: 3600,
      RefreshToken: 30 * DAY,
      Session: DAY,
    },
    renderError: (context, out) => {
      context.type = 'html';
      context.body = problemPage(String(out.error_description ?? out.error));
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = logoutPage({ form, name: context.oidc.session?.accountId ?? '' });
        },
        postLogoutSuccessSource: (context) => {
          context.body = loggedOutPage();
        },
      },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form, _out, error) => {
          context.body = codeInputPage({ form, problem: error ? codeProblem(error) : undefined });
        },
        userCodeConfirmSource: (context, form, client, _device, userCode) => {
          context.body = codeConfirmPage({ form, client: client.clientName ?? client.clientId, userCode });
        },
        // The next login asks who you are again: one browser serves several people here.
        successSource: async (context) => {
          await endBrowserSession(context.oidc.session);
          context.body = donePage();
        },
      },
    },
  };
}

/** A session that has just been given a new id is still stored, and known to the browser, by the one before. */
async function endBrowserSession(session: (Session & { id?: string; oldId?: string }) | undefined): Promise<void> {
  if (session?.oldId) session.id = session.oldId;
  await session?.destroy();
}

type Session = NonNullable<KoaContextWithOIDC['oidc']['session']>;

function claimsOf(name: string): { sub: string; [claim: string]: string | boolean } {
  const display = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  return { sub: name, name: display, preferred_username: name, email: `${name}@example.test`, email_verified: true };
}

function codeProblem(error: Error): string {
  if (error.name === 'AbortedError') return 'The login was refused.';
  return error.name === 'ExpiredError' ? 'This code has expired.' : 'There is no login with this code, or it is over.';
}

function failRequest(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (response.headersSent) response.destroy();
  else sendPage(response, 500, problemPage('The identity provider had a problem of its own.'));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
