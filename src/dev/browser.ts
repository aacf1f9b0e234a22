import { Agent, fetch, type Response } from 'undici';
import { AppError } from '../core/errors.ts';

export interface Form {
  readonly id: string;
  readonly action: URL;
  /** Names and values of its inputs as the page gives them. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly html: string;
  readonly forms: readonly Form[];
}

/** As much of a browser as a login needs: cookies, redirects of both kinds, plain forms. */
export interface Browser {
  open(url: string | URL): Promise<Page>;
  /** Submits a form; `values` add to and overwrite its fields. */
  submit(form: Form, values?: Readonly<Record<string, string>>): Promise<Page>;
}

const MAX_REDIRECTS = 15;

export interface BrowserOptions {
  /** Where a redirect leads to such an address, it is the page's address and nobody is asked. */
  readonly stopAt?: (url: URL) => boolean;
  /** PEM of the authority that vouches for servers with TLS. */
  readonly ca?: string;
}

/** A browser for servers on loopback; everything else is refused, so that no password travels. */
export function openBrowser({ stopAt = () => false, ca }: BrowserOptions = {}): Browser {
  const cookies = new Map<string, { name: string; value: string; path: string; host: string }>();
  // Nothing is kept open: nobody closes this browser.
  const agent = new Agent({ connect: ca === undefined ? {} : { ca }, pipelining: 0 });
  const visit = async (start: URL, form?: URLSearchParams): Promise<Page> => {
    let url = start;
    let body = form;
    for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
      if (hop > 0 && stopAt(url)) return { url, status: 302, html: '', forms: [] };
      const response = await request({ url, body, cookie: cookieHeader([...cookies.values()], url), agent });
      for (const text of response.headers.getSetCookie()) keepCookie(cookies, text, url);
      const html = await response.text();
      const next = nextOf(response, html);
      if (next === undefined) return { url, status: response.status, html, forms: parseForms(html, url) };
      url = new URL(next, url);
      body = undefined;
    }
    throw new AppError('INTERNAL', 'BROWSER_REDIRECTS', 'The login pages redirect in a circle.');
  };
  return {
    open: (url) => visit(new URL(url)),
    submit: (form, values = {}) => visit(form.action, new URLSearchParams({ ...form.fields, ...values })),
  };
}

/** Where the browser goes by itself: a redirect, or a page that refreshes at once to another one. */
function nextOf({ status, headers }: Response, html: string): string | undefined {
  const location = headers.get('location');
  if (location && status >= 300 && status <= 399) return location;
  const tag = /<meta\b[^>]*\shttp-equiv\s*=\s*"refresh"[^>]*>/i.exec(html)?.[0];
  return tag && /^0;\s*url=(.*)$/is.exec(attribute(tag, 'content') ?? '')?.[1];
}

function request(asked: { url: URL; body: URLSearchParams | undefined; cookie: string; agent: Agent }) {
  const { url, body, cookie, agent } = asked;
  if (!/^https?:$/.test(url.protocol) || !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'BROWSER_LOOPBACK_ONLY',
      'Only login pages on this machine are opened this way.',
    );
  }
  // Forms are sent to where they stood.
  const written = body ? { origin: url.origin, 'sec-fetch-site': 'same-origin' } : {};
  return fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { cookie, ...written },
    redirect: 'manual',
    dispatcher: agent,
    ...(body ? { body } : {}),
  });
}

function cookieHeader(
  cookies: readonly { name: string; value: string; path: string; host: string }[],
  url: URL,
): string {
  return cookies
    .filter((cookie) => cookie.host === url.host && url.pathname.startsWith(cookie.path))
    .map((cookie) => `${cookie.name}=${cookie.value}`)
    .join('; ');
}

function keepCookie(
  cookies: Map<string, { name: string; value: string; path: string; host: string }>,
  text: string,
  url: URL,
): void {
  const [pair = '', ...attributes] = text.split(';').map((part) => part.trim());
  const equals = pair.indexOf('=');
  const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
  const attribute = (wanted: string): string | undefined =>
    attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
  const path = attribute('path') ?? '/';
  const expires = attribute('expires');
  const key = `${url.host} ${path} ${name}`;
  if (value === '' || (expires !== undefined && Date.parse(expires) < Date.now())) cookies.delete(key);
  else cookies.set(key, { name, value, path, host: url.host });
}

/** Forms of a page; enough for pages whose attributes are in double quotes. */
export function parseForms(html: string, base: URL): readonly Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(([, attributes = '', inside = '']) => ({
    id: attribute(attributes, 'id') ?? '',
    action: new URL(attribute(attributes, 'action') ?? base.href, base),
    fields: Object.fromEntries(
      [...inside.matchAll(/<input\b[^>]*>/gi)]
        .map(([tag]) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? ''] as const)
        .filter(([name]) => name !== ''),
    ),
  }));
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`, 'i').exec(tag)?.[1];
  return found?.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot));/gi, (_all, decimal, hex, named) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { amp: '&', lt: '<', gt: '>', quot: '"' }[String(named).toLowerCase()] ?? '';
  });
}
