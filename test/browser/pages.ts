import type { Locator, Page } from 'playwright-core';

/** The pages of a login as a person uses them; what they say is read by role and label, as a screen reader does. */

const button = (page: Page, name: string | RegExp): Locator => page.getByRole('button', { name });

export const heading = async (page: Page): Promise<string> =>
  (await page.getByRole('heading', { level: 1 }).textContent())?.trim() ?? '';

/** Our device page. */
export function devicePage(page: Page) {
  return {
    enter: async (code: string) => {
      await page.getByLabel('Code').fill(code);
      await button(page, 'Continue').click();
    },
    /** Names and values of what it says of the asker. */
    facts: async (): Promise<Record<string, string>> => {
      const [terms, values] = await Promise.all(
        ['dt', 'dd'].map((tag) => page.locator(`main ${tag}`).allTextContents()),
      );
      return Object.fromEntries((terms ?? []).map((term, index) => [term, values?.[index] ?? '']));
    },
    code: async (): Promise<string> => (await page.locator('.code').textContent()) ?? '',
    confirm: () => button(page, 'Yes, sign in').click(),
    refuse: () => button(page, 'No, refuse').click(),
    problem: () => page.getByRole('alert').textContent(),
  };
}

/** The pages of the dev identity provider. */
export function devIdpPages(page: Page) {
  return {
    logIn: async (name: string, password: string) => {
      await page.getByLabel('Account').fill(name);
      await page.getByLabel('Password').fill(password);
      await button(page, 'Log in').click();
    },
    allow: () => button(page, 'Allow').click(),
    refuse: () => button(page, 'Refuse').click(),
    /** On its logout page. */
    logOut: () => button(page, 'Log out').click(),
  };
}

/** Where a login ends, well or not. */
export function endPage(page: Page) {
  return {
    heading: () => heading(page),
    /** Waits for it. */
    reached: (title: string) => page.getByRole('heading', { level: 1, name: title }).waitFor(),
    text: async () => ((await page.locator('main').textContent()) ?? '').replace(/\s+/g, ' '),
  };
}

export const LOGGED_IN = 'You are logged in';
