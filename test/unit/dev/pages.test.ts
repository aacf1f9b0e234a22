import { describe, expect, test } from '@jest/globals';
import { openBrowser, parseForms } from '../../../src/dev/browser.ts';
import { codeConfirmPage, consentPage, escapeHtml, loginPage } from '../../../src/dev/idp-pages.ts';

const NASTY = `"><script>alert('1')</script>&`;

describe('pages of the dev identity provider', () => {
  test('show what others wrote as text only', () => {
    const pages = [
      loginPage({ action: '/interaction/1', names: ['alice'], name: NASTY, problem: NASTY }),
      consentPage({ action: '/interaction/1', name: NASTY, client: NASTY, scopes: [NASTY] }),
      codeConfirmPage({ form: '', client: NASTY, userCode: NASTY }),
    ];
    for (const html of pages) {
      expect(html).not.toContain('<script');
      expect(html).toContain(escapeHtml(NASTY));
    }
  });

  test('have a language, a title, a heading and a label for every field', () => {
    const html = loginPage({ action: '/interaction/1', names: ['alice', 'bob'], name: '', problem: undefined });
    expect(html).toMatch(/<html lang="en">.*<title>Log in · fedctl dev<\/title>.*<h1>Log in<\/h1>/s);
    for (const id of ['name', 'password'])
      expect(html).toMatch(new RegExp(`<label for="${id}">.*<input id="${id}"`, 's'));
    expect(html).not.toContain('role="alert"');
  });

  test('are read back as a browser does: action, id and decoded fields', () => {
    const html = loginPage({ action: '/interaction/1?a=1&b=2', names: [], name: NASTY, problem: undefined });
    expect(parseForms(html, new URL('http://127.0.0.1:1/x'))).toEqual([
      {
        id: 'login',
        action: new URL('http://127.0.0.1:1/interaction/1?a=1&b=2'),
        fields: { prompt: 'login', login: NASTY, password: '' },
      },
    ]);
  });

  test.each(['https://idp.test/device', 'http://idp.test/device', 'http://127.0.0.1.idp.test/', 'file:///etc/passwd'])(
    'our browser does not open %s',
    async (url) => {
      await expect(openBrowser().open(url)).rejects.toMatchObject({ reason: 'BROWSER_LOOPBACK_ONLY' });
    },
  );
});
