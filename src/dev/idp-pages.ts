/** Pages of the dev identity provider: plain HTML, no script except the one oidc-provider brings, nothing from elsewhere. */

const STYLE = `
  :root { color-scheme: light dark; --edge: #8a94a6; --main: #1d5fbf; --note: #5c6678; --wrong: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --main: #7fb0ff; --note: #a9b4c6; --wrong: #ff9c94; } }
  body { background: Canvas; color: CanvasText; font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; place-items: center; min-height: 100vh; }
  main { width: min(24rem, 100vw - 3rem); padding: 2rem 0; }
  h1 { font-size: 1.4rem; margin: 0 0 .75rem; }
  label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
  input[type=text], input[type=password], input:not([type]) {
    box-sizing: border-box; width: 100%; font: inherit; padding: .6rem; border: 1px solid var(--edge); border-radius: .4rem; }
  code { display: block; font: 600 1.9rem/1.4 ui-monospace, monospace; letter-spacing: .1em; margin: .5rem 0; }
  .buttons { display: flex; gap: .75rem; margin-top: 1.5rem; }
  button { font: inherit; padding: .6rem 1.2rem; border-radius: .4rem; border: 1px solid var(--main); background: none; color: var(--main); cursor: pointer; }
  button.main { background: var(--main); color: Canvas; font-weight: 600; }
  button:focus-visible, input:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
  .note { color: var(--note); font-size: .9rem; }
  .wrong { color: var(--wrong); font-weight: 600; }
`;

/** `text` fit to stand in HTML text and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)} · fedctl dev</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
<p class="note">This is the identity provider of <b>fedctl dev</b>, for trying things out on this machine.</p>
</main>
</body>
</html>`;
}

/** Asks for the code that the terminal shows. `form` is oidc-provider's, with id "op.deviceInputForm". */
export function codeInputPage(options: { form: string; problem: string | undefined }): string {
  return page(
    'Which code do you see?',
    `<p>Enter the code that your terminal shows.</p>
${problemLine(options.problem)}
${options.form}
<div class="buttons"><button class="main" type="submit" form="op.deviceInputForm">Continue</button></div>`,
  );
}

/** Shows the code to compare. `form` is oidc-provider's, with id "op.deviceConfirmForm". */
export function codeConfirmPage(options: { form: string; client: string; userCode: string }): string {
  return page(
    'Is this your code?',
    `<p><b>${escapeHtml(options.client)}</b> wants to log you in. Your terminal shows this code:</p>
<code>${escapeHtml(options.userCode)}</code>
<p class="note">If you did not start this login yourself, refuse: somebody else may have sent you the link.</p>
${options.form}
<div class="buttons">
<button class="main" type="submit" form="op.deviceConfirmForm" autofocus>Yes, that is it</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Refuse</button>
</div>`,
  );
}

export function loginPage(options: {
  action: string;
  names: readonly string[];
  name: string;
  problem: string | undefined;
}): string {
  return page(
    'Log in',
    `${problemLine(options.problem)}
<form method="post" action="${escapeHtml(options.action)}" id="login">
<input type="hidden" name="prompt" value="login">
<label for="name">Account</label>
<input id="name" name="login" type="text" value="${escapeHtml(options.name)}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<p class="note">Accounts: ${options.names.map(escapeHtml).join(', ')}. The terminal with fedctl dev shows their passwords.</p>
<div class="buttons">
<button class="main" type="submit">Log in</button>
<button type="submit" name="abort" value="yes" formnovalidate>Cancel</button>
</div>
</form>`,
  );
}

export function consentPage(options: {
  action: string;
  name: string;
  client: string;
  scopes: readonly string[];
}): string {
  const wants: Readonly<Record<string, string>> = {
    openid: 'know who you are',
    profile: 'see your name',
    email: 'see your e-mail address',
    offline_access: 'stay logged in until you log out',
  };
  const items = options.scopes.map((scope) => `<li>${escapeHtml(wants[scope] ?? scope)}</li>`).join('\n');
  return page(
    'Allow this?',
    `<p>You are logged in as <b>${escapeHtml(options.name)}</b>. <b>${escapeHtml(options.client)}</b> asks to</p>
<ul>
${items}
</ul>
<form method="post" action="${escapeHtml(options.action)}" id="consent">
<input type="hidden" name="prompt" value="consent">
<div class="buttons">
<button class="main" type="submit" autofocus>Allow</button>
<button type="submit" name="abort" value="yes">Refuse</button>
</div>
</form>`,
  );
}

/** The end of a login, in the one sentence that `approve.ts` looks for too. */
export const LOGIN_DONE = 'You are logged in';

export function donePage(): string {
  return page(LOGIN_DONE, '<p>You can close this page and go back to your terminal.</p>');
}

/** Asks before the browser's session ends. `form` is oidc-provider's, with id "op.logoutForm". */
export function logoutPage(options: { form: string; name: string }): string {
  return page(
    'Log out?',
    `<p>You are logged in here as <b>${escapeHtml(options.name)}</b>.</p>
${options.form}
<div class="buttons">
<button class="main" type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Log out</button>
<button type="submit" form="op.logoutForm">Stay logged in</button>
</div>`,
  );
}

export function loggedOutPage(): string {
  return page('You are logged out', '<p>You can close this page.</p>');
}

export function problemPage(problem: string): string {
  return page(
    'That did not work',
    `<p>${escapeHtml(problem)}</p>\n<p>Go back to your terminal and start the login again.</p>`,
  );
}

function problemLine(problem: string | undefined): string {
  return problem === undefined ? '' : `<p class="wrong" role="alert">${escapeHtml(problem)}</p>`;
}
