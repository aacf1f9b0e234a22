import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { html } from '../../../src/server/portal/html.ts';

describe('the template of all pages', () => {
  test('T-41: text of others stays text, in elements and in attributes', () => {
    const nasty = `<img src=x onerror="alert(1)">'\`&`;
    const page = String(html`<p title="${nasty}">${nasty}</p>`);
    expect(page.match(/[<>]/g)).toHaveLength(4);
    expect(page.match(/"/g)).toHaveLength(2);
    expect(page).toContain('&#60;img src&#61;x onerror&#61;&#34;alert(1)&#34;&#62;&#39;&#96;&#38;');
  });

  test('T-41: no text leaves its element or its attribute, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const page = String(html`<p title="${text}">${text}</p>`);
        expect(page).toMatch(/^<p title="[^"<>]*">[^<>]*<\/p>$/);
      }),
    );
  });

  test('HTML of ours stays HTML, in lists too; nothing is nothing', () => {
    const items = ['a', '<b>'].map((one) => html`<li>${one}</li>`);
    expect(String(html`<ul>${items}${undefined}</ul>${1}`)).toBe('<ul><li>a</li><li>&#60;b&#62;</li></ul>1');
  });

  test('what only looks like HTML of ours is text', () => {
    const forged = { text: '<script>', toString: () => '<script>' };
    expect(String(html`${forged as never}`)).toBe('&#60;script&#62;');
  });

  test('T-21: marks that turn the direction of text do not reach a page', () => {
    expect(String(html`${'abc\u202edef\u0000\u2066'}`)).toBe('abc def');
  });
});
