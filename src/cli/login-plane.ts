import type { Client } from '../client/channel.ts';
import type { GrantRequest } from '../client/grants/types.ts';
import type { NewLogin } from '../client/login.ts';
import { isAppError } from '../core/errors.ts';
import {
  type LoginSettings,
  readLoginSettings,
  type SettingsPlace,
  writeLoginSettings,
} from '../credentials/login-settings.ts';
import { caPin } from '../credentials/records.ts';
import type { CredentialFile, Credentials } from '../credentials/types.ts';
import { isHeadless, surroundings } from './browser.ts';
import { openClient } from './control.ts';
import type { LoginPlace, LoginResult } from './login.ts';
import { storeOfAccount } from './login-account.ts';
import { type PendingResult, resumeLogin, startWithoutWaiting } from './login-pending.ts';
import { grantRequest } from './login-request.ts';
import { type PendingScreen, pendingScreen } from './login-screen.ts';
import { findsIdToken } from './login-secrets.ts';
import { openLoginStore } from './login-store.ts';
import { settingsOf } from './login-wishes.ts';
import { checkKept } from './storage.ts';
import { safeLine } from './text.ts';

/** A login at a control plane that is under way. */
export interface PlaneLogin {
  readonly place: LoginPlace;
  readonly client: Client;
  readonly store: CredentialFile;
  readonly kept: SettingsPlace;
  readonly screen: PendingScreen;
}

type Outcome = Pick<LoginResult, 'account'> & { readonly pending?: PendingResult };

/** Logs in by the grant that was asked for, was used the last time, or fits where this runs. */
export async function logInAtPlane(place: LoginPlace): Promise<Outcome> {
  const { context, connection, endpoint, input, keeping } = place;
  const store = openLoginStore(context, connection, endpoint.rootCertificates, 'fedctl', keeping);
  const client = await openClient(context, endpoint);
  const screen = pendingScreen(context, connection, input);
  const kept = { path: store.path, origin: connection.address, caPin: caPin(endpoint.rootCertificates) };
  const login: PlaneLogin = { place, client, store, kept, screen };
  const paused = {
    kept,
    clock: context.clock,
    screen,
    requestOf: (settings: LoginSettings) => requestOf(login, settings),
  };
  try {
    if (input.resume !== undefined) return await finish(login, await resumeLogin(paused, input.resume));
    const { path } = await storeOfAccount(place, input.account);
    const settings = settingsOf(input, readLoginSettings({ ...kept, path }));
    if (!input.wait) return { account: '', pending: await startWithoutWaiting(paused, laterSettings(settings, input)) };
    const { grants } = await import('../client/grants/index.ts');
    const grant = settings.grant ?? (await chosenGrant(login, settings));
    checkKept(context, keeping.storage, grant);
    return await finish(login, { settings, tokens: await grants[grant](requestOf(login, settings)) });
  } finally {
    screen.end();
  }
}

/** Only a device login can go on later; the grant of the last time does not stand in its way. */
function laterSettings({ grant, ...rest }: LoginSettings, input: LoginPlace['input']): LoginSettings {
  return grant === undefined || (input.grant === undefined && grant === 'code') ? rest : { ...rest, grant };
}

async function chosenGrant({ place: { context, input }, client }: PlaneLogin, { provider = '' }: LoginSettings) {
  const { chooseGrant, listProviders } = await import('../client/grants/index.ts');
  const around = surroundings(context.env);
  return await chooseGrant({
    hasIdToken: findsIdToken(context.env),
    stdinIsTty: around.stdinIsTty,
    headless: input.launchBrowser === undefined ? context.json || isHeadless(around) : !input.launchBrowser,
    offered: async () => {
      const providers = await listProviders(client);
      return providers?.find(({ alias }) => provider === '' || alias === provider)?.grants;
    },
  });
}

/** What a grant needs to know. */
function requestOf({ place, client, screen }: PlaneLogin, settings: LoginSettings): GrantRequest {
  const { context, connection, input } = place;
  const { demands, stdin, timeout } = input;
  return grantRequest({ context, connection, client, settings, demands, stdin, timeout, show: screen.show });
}

/** Stores a new login, remembers how it was made, then ends the one that it takes the place of. */
async function finish(
  { place, client, store, kept }: PlaneLogin,
  { settings, tokens }: { settings: LoginSettings; tokens: NewLogin },
): Promise<Outcome> {
  const { context, input } = place;
  // What --resume goes on with was asked for beside a standing one.
  const replaced = input.force || input.resume !== undefined ? await readReplaced(place) : {};
  try {
    await store.write(tokens);
  } catch (error) {
    // Nobody holds its tokens.
    await endSession(client, tokens);
    throw error;
  }
  try {
    writeLoginSettings(kept, settings);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    context.note('Warning: how you logged in could not be stored; the next login needs the same flags.');
  }
  const { before, unopened } = replaced;
  if (before !== undefined && before.sessionId !== tokens.sessionId) await endSession(client, before);
  if (unopened) context.note('The session of the login before was not ended: that login could not be opened.');
  return { account: safeLine(tokens.account) };
}

/** The login that a new one takes the place of, where it can be opened without asking for a passphrase: that may be forgotten. */
async function readReplaced({
  context,
  connection,
  endpoint,
  input,
}: LoginPlace): Promise<{ readonly before?: Credentials | undefined; readonly unopened?: boolean }> {
  const asksNobody = { ...context, json: true };
  try {
    const store = await storeOfAccount({ context: asksNobody, connection, endpoint }, input.account);
    return { before: await store.read() };
  } catch (error) {
    // One of another server has no session at this one.
    return { unopened: isAppError(error) && error.reason !== 'CREDENTIALS_FOREIGN' };
  }
}

/** Ends a session that nobody needs any more, as well as that can be done. */
async function endSession(client: Client, tokens: Pick<NewLogin, 'accessToken' | 'refreshToken'>): Promise<void> {
  const { callUnary } = await import('../client/index.ts');
  const logout = client.sessions.logout.bind(client.sessions);
  const refreshToken = tokens.refreshToken.reveal();
  const token = refreshToken === '' ? { token: tokens.accessToken.reveal() } : {};
  await callUnary(client, logout, { refreshToken }, token).catch(() => {});
}
