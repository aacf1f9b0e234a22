import { isWebAddress } from '../client/grants/polling.ts';
import { isHeadless, openBrowser, surroundings } from './browser.ts';
import type { Context } from './context.ts';
import { failureDocument } from './failure.ts';
import type { LogoutOutcome, LogoutResult } from './logout.ts';
import { safeLine } from './text.ts';

/** The document of one logout. The provider's page is named by a URL that holds an ID token: only where it was asked for. */
export function logoutDocument(result: LogoutResult, { provider }: { provider: boolean }) {
  return {
    success: true,
    'logged-out': result.loggedOut,
    'provider-revoked': result.providerRevoked,
    address: result.address,
    account: result.account === '' ? null : result.account,
    'end-session-url': (provider ? webAddress(result.endSessionUrl) : undefined) ?? null,
    'accounts-left': result.others,
  };
}

/** What became of one login, as a sentence. `named`: also whose it was, where there could be several. */
export function logoutLine(
  { address, loggedOut, localOnly, account }: LogoutResult,
  { local, named }: { local: boolean; named: boolean },
): string {
  if (!loggedOut) return `You were not logged in to ${address}.`;
  const who = account === '' || !named ? '' : ` as ${safeLine(account)}`;
  if (!localOnly) return `Logged out of ${address}${who}.`;
  const rest = local
    ? 'its session goes on at the server'
    : "its server can't be told to end it, its tokens go on until they expire";
  return `The login to ${address}${who} is forgotten here; ${rest}.`;
}

/** Notes beside the result: what could not be done, and what is left. */
export function logoutNotes({ connection, loggedOut, providerRevoked, localOnly, others }: LogoutResult): string[] {
  const told = !loggedOut || providerRevoked || localOnly;
  const left = others.map(safeLine).join(', ');
  return [
    ...(told ? [] : ['The identity provider could not be told; its own session may still stand.']),
    ...(others.length === 0 ? [] : [`Still logged in by "${connection}": ${left}. See: fedctl auth ls`]),
  ];
}

/** Ends the browser's session at the identity provider as well where that was asked for; else says how, to a person. */
export async function tellProvider(context: Context, { endSessionUrl }: LogoutResult, asked: boolean): Promise<void> {
  const url = webAddress(endSessionUrl);
  if (url === undefined) {
    if (asked) context.note('The identity provider has no page where its own session can be ended.');
    return;
  }
  if (!asked) {
    if (context.stdio.errIsTty && !context.json) {
      context.note(`Your browser may still be logged in at the identity provider; to end that: ${url}`);
    }
    return;
  }
  context.note(`To end your session at the identity provider, open: ${url}`);
  const around = surroundings(context.env);
  if (!context.json && !isHeadless(around)) await openBrowser(url, around);
}

function webAddress(text: string): string | undefined {
  return isWebAddress(text) ? text : undefined;
}

export function outcomeDocument(outcome: LogoutOutcome) {
  const { connection, account } = outcome;
  const named = { connection, account: account === '' ? null : account };
  return 'error' in outcome
    ? { ...named, ...failureDocument(outcome.error) }
    : { ...logoutDocument(outcome, { provider: false }), ...named };
}

export function outcomeLine(outcome: LogoutOutcome, style: { local: boolean }): string {
  if (!('error' in outcome)) return logoutLine(outcome, { ...style, named: true });
  const { connection, account, error } = outcome;
  const who = account === '' ? '' : `, ${safeLine(account)}`;
  return `Not logged out ("${safeLine(connection)}"${who}): ${safeLine(error.message)}`;
}
