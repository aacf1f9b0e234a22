import { AppError } from '../core/errors.ts';
import { type Browser, openBrowser, type Page } from './browser.ts';
import { LOGIN_DONE } from './idp-pages.ts';
import type { DevAccount } from './secrets-file.ts';

/**
 * Does what a person does on the control plane's device page, where it stands first, and at the dev identity provider:
 * compares the code, logs in, allows (or refuses, with `refuse`). `url` is the address that `login` printed, with the code in it.
 * @throws PERMISSION_DENIED DEV_LOGIN_FAILED where the pages do not lead to the end
 */
export async function approveLogin(options: {
  url: string;
  account: DevAccount;
  refuse?: boolean;
  browser?: Browser;
  /** PEM of the control plane's authority. */
  ca?: string;
}): Promise<void> {
  const { ca, browser = openBrowser(ca === undefined ? {} : { ca }) } = options;
  let page = await browser.open(options.url);
  for (let step = 0; step < 6 && page.forms.length > 0; step += 1) {
    const form = page.forms[0] as Page['forms'][number];
    const refusal = REFUSALS[form.id];
    if (refusal && options.refuse) {
      await browser.submit(form, refusal);
      return;
    }
    const { name, password } = options.account;
    page = await browser.submit(form, form.id === 'login' ? { login: name, password } : BUTTONS[form.id]);
    if (page.html.includes('role="alert"')) break;
  }
  if (page.html.includes(LOGIN_DONE)) return;
  throw new AppError('PERMISSION_DENIED', 'DEV_LOGIN_FAILED', 'The login pages did not lead to the end.', {
    cause: `${page.status} ${page.url.pathname}`,
  });
}

/** What the buttons of a form say, by its id: the dev identity provider's, and the control plane's. */
const REFUSALS: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
  'op.deviceConfirmForm': { abort: 'yes' },
  'login-confirm': { answer: 'no' },
};
const BUTTONS: typeof REFUSALS = { 'login-confirm': { answer: 'yes' } };
