import type { Browser, Page } from '../../src/dev/browser.ts';
import { passwordOf } from './keycloak.ts';

export interface Visit {
  readonly browser: Browser;
  readonly url: string;
  readonly user: string;
  /** Presses "No" where Keycloak asks whether to let us in. */
  readonly deny?: boolean;
}

const MAX_STEPS = 8;

/**
 * Does at Keycloak's pages what a person does: logs in, grants or refuses, and on our own device page before them says
 * that it is them.
 * @returns the last page: where no form is left, or one that nobody here can fill in
 */
export async function visitKeycloak({ browser, url, user, deny = false }: Visit): Promise<Page> {
  let page = await browser.open(url);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const next = pressed(page, { user, deny });
    if (next === undefined) return page;
    const before = page;
    page = await browser.submit(next.form, next.values);
    if (asksPassword(before) && asksPassword(page)) throw new Error('Keycloak refused the password');
  }
  throw new Error(`the pages do not end: ${page.url.pathname}`);
}

const asksPassword = ({ forms }: Page): boolean => forms.some(({ fields }) => 'password' in fields);

function pressed({ forms }: Page, { user, deny }: { user: string; deny: boolean }) {
  const login = forms.find(({ fields }) => 'password' in fields);
  if (login) return { form: login, values: { username: user, password: passwordOf(user) } };
  const consent = forms.find(({ action }) => action.pathname.includes('/consent'));
  if (consent) {
    // Both buttons are among the fields; a browser sends the one that was pressed.
    const { accept: _, cancel: __, ...fields } = consent.fields;
    return { form: { ...consent, fields }, values: deny ? { cancel: 'No' } : { accept: 'Yes' } };
  }
  const ours = forms.find(({ action, fields }) => action.pathname === '/device' && 'token' in fields);
  return ours && { form: ours, values: { answer: 'yes' } };
}
