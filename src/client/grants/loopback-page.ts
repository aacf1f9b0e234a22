import type { ServerResponse } from 'node:http';

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

/** All that the listener ever says. Nothing of a request is in it. */
export const PAGES = {
  done: { status: 200, title: 'Back to your terminal', text: 'fedctl goes on there. You may close this window.' },
  refused: {
    status: 200,
    title: 'Not logged in',
    text: 'The identity provider said no; your terminal says why. You may close this window.',
  },
  foreign: { status: 400, title: 'Not this login', text: 'This address does not belong to the login that waits here.' },
  missing: { status: 404, title: 'Nothing here', text: 'There is no such page.' },
  method: { status: 405, title: 'Not this way', text: 'This page can only be looked at.' },
  misdirected: { status: 421, title: 'Nothing here', text: 'There is no such site.' },
} as const satisfies Record<string, Page>;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};

export function sendPage(response: ServerResponse, { status, title, text }: Page): void {
  const allow = status === 405 ? { allow: 'GET' } : {};
  response.writeHead(status, { ...HEADERS, ...allow }).end(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${text}</p>
</main>
</body>
</html>
`);
}
