import type { LoginPage } from '../../core/services.ts';
import { type Html, html } from './html.ts';
import { facts, type Page } from './page.ts';

/** The pages of a login that was started in a terminal (RFC 8628, section 3.3), as plain values. */

export const DEVICE_PATH = '/device';

/** Asks for the code that the terminal shows. `problem` is what was wrong with the one before. */
export function enterCodePage({ typed = '', problem, hint }: EnterCode): Page {
  return {
    title: 'Which code do you see?',
    body: html`<p id="what">Your terminal shows a code of eight characters. Type it here.</p>
${problem === undefined ? undefined : html`<p class="wrong" role="alert" id="problem">${problem} ${hint}</p>`}
<form id="login-code" method="get" action="${DEVICE_PATH}">
<label for="code">Code</label>
<input id="code" name="code" type="text" value="${typed.slice(0, 20)}" placeholder="XXXX-XXXX" maxlength="20" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false" pattern="\\s*([A-Za-z0-9]\\s*){4}-?\\s*([A-Za-z0-9]\\s*){4}" title="Eight letters or digits, as your terminal shows them" aria-describedby="what${problem === undefined ? '' : ' problem'}" aria-invalid="${problem === undefined ? 'false' : 'true'}">
<div class="buttons"><button class="yes" type="submit">Continue</button></div>
</form>`,
  };
}

interface EnterCode {
  readonly typed?: string;
  readonly problem?: string | undefined;
  readonly hint?: string | undefined;
}

/** Shows who asks, for the person to compare (security.md DG-12). Nothing has happened yet. */
export function confirmPage(options: { login: LoginPage; server: string; token: string; now: number }): Page {
  const { login, server, token, now } = options;
  return {
    title: 'Is this you?',
    body: html`<p><b>${login.client || 'A program'}</b> wants to log in to <b>${server}</b> as you. Compare the code with the one in your terminal:</p>
<span class="code">${login.userCode}</span>
${facts([
  ['Program', login.client || 'not told'],
  ['Computer', login.host || 'not told'],
  ['Address', login.address],
  ['Asked', since(login.startedAt, now)],
])}
<p>If you say yes, you sign in at <b>${login.provider}</b>. The program can then do here whatever your account may do, until you log out or its login ends.</p>
<p class="care"><b>Did somebody send you here?</b> Then refuse: with your yes they would be logged in as you. Go on only if you have just started this login yourself.</p>
<form id="login-confirm" method="post" action="${DEVICE_PATH}">
<input type="hidden" name="code" value="${login.userCode}">
<input type="hidden" name="token" value="${token}">
<div class="buttons">
<button class="yes" type="submit" name="answer" value="yes">Yes, sign in</button>
<button type="submit" name="answer" value="no">No, refuse</button>
</div>
</form>`,
  };
}

/** On the way to the provider. A page and no redirect: browsers hold a form to its policy over every redirect that follows. */
export function leavingPage({ provider, url }: { provider: string; url: string }): Page {
  return {
    title: `On to ${provider}`,
    body: html`<p>If nothing happens: <a href="${url}">sign in at ${provider}</a>.</p>`,
    next: url,
  };
}

export function donePage({ account, client }: { account: string; client: string }): Page {
  return {
    title: 'You are logged in',
    body: html`<p class="fine" role="status"><b>${client || 'The program'}</b> is now logged in as <b>${account}</b>.</p>
<p>You may close this window and go back to your terminal.</p>`,
  };
}

export function deniedPage(): Page {
  return {
    title: 'Refused',
    body: html`<p role="status">Nobody has been logged in, and the code is worth nothing any more.</p>
<p>You may close this window.</p>`,
  };
}

/** How long ago, as people say it, and the time itself. */
function since(at: number, now: number): Html {
  const minutes = Math.floor((now - at) / 60_000);
  const ago = minutes < 1 ? 'just now' : minutes === 1 ? 'a minute ago' : `${minutes} minutes ago`;
  const time = new Date(at).toISOString();
  return html`<time datetime="${time}">${ago} (${time.slice(11, 16)} UTC)</time>`;
}
