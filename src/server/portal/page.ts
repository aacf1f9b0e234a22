import type { HttpReply } from '../transport/https.ts';
import { type Html, html, type Part } from './html.ts';
import { STYLE, STYLE_SOURCE } from './style.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** Where the browser goes on its own, at once. */
  readonly next?: string;
}

/**
 * Nothing is loaded, no script runs, forms go to this server alone, and no other page shows this one in a frame (security.md
 * T-41, T-42). A page is of one login: it is kept nowhere, and its address is told to nobody.
 */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src ${STYLE_SOURCE}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex',
} as const;

/** Pages of one server, whose name stands at the top of each. */
export interface Pages {
  reply(page: Page, status?: number, headers?: Readonly<Record<string, string>>): HttpReply;
}

export function createPages({ server }: { server: string }): Pages {
  return {
    reply: (page, status = 200, headers = {}) => ({
      status,
      headers: { ...HEADERS, ...headers },
      body: String(document(page, server)),
    }),
  };
}

function document({ title, body, next }: Page, server: string): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
${next === undefined ? undefined : html`<meta http-equiv="refresh" content="${`0; url=${next}`}">`}
<title>${title} · fedctl</title>
${STYLE}
</head>
<body>
<header>fedctl at <b>${server}</b></header>
<main>
<h1>${title}</h1>
${body}
</main>
<footer>This page asks for no password. The identity provider asks for it, at its own address.</footer>
</body>
</html>
`;
}

/** Terms and what they are. */
export function facts(rows: readonly (readonly [string, Part])[]): Html {
  return html`<dl>
${rows.map(
  ([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>
`,
)}</dl>`;
}
