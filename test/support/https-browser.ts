import { readFileSync } from 'node:fs';
import { Agent, fetch, type Response } from 'undici';
import { type Browser, type Form, type Page, parseForms } from '../../src/dev/browser.ts';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly host: string;
}

export interface HttpsBrowserOptions {
  /** PEM file of the authority to trust. */
  readonly ca: string;
  /** Where a redirect leads to an address of `stopAt`, it is the page's address and nobody is asked. */
  readonly stopAt?: (url: URL) => boolean;
}

const MAX_REDIRECTS = 15;

/** As much of a browser as a login over TLS needs: cookies, redirects, plain forms. Of one person; forgets at the end. */
export function openHttpsBrowser({ ca, stopAt = () => false }: HttpsBrowserOptions): Browser {
  const dispatcher = new Agent({ connect: { ca: readFileSync(ca, 'utf8') } });
  const jar = new Map<string, Cookie>();

  async function visit(start: URL, form?: URLSearchParams, from?: URL): Promise<Page> {
    let [url, body] = [start, form];
    for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
      if (hop > 0 && stopAt(url)) return { url, status: 302, html: '', forms: [] };
      const headers = { cookie: cookiesFor(url), ...(body && from ? { origin: from.origin } : {}) };
      const init = body ? { method: 'POST', body } : {};
      const response = await fetch(url, { ...init, headers, redirect: 'manual', dispatcher });
      keep(response, url);
      const location = response.headers.get('location');
      const html = await response.text();
      if (!location || response.status < 300 || response.status > 399) {
        return { url, status: response.status, html, forms: parseForms(html, url) };
      }
      [url, body] = [new URL(location, url), undefined];
    }
    throw new Error(`redirects without end at ${url.pathname}`);
  }
  function cookiesFor(url: URL): string {
    const fitting = [...jar.values()].filter(({ host, path }) => {
      const folder = path.endsWith('/') ? path : `${path}/`;
      return host === url.hostname && (url.pathname === path || url.pathname.startsWith(folder));
    });
    return fitting.map(({ name, value }) => `${name}=${value}`).join('; ');
  }
  function keep({ headers }: Response, url: URL): void {
    for (const text of headers.getSetCookie()) {
      const [pair = '', ...attributes] = text.split(';').map((part) => part.trim());
      const equals = pair.indexOf('=');
      const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
      const attribute = (wanted: string) =>
        attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const path = attribute('path') || '/';
      const expires = Date.parse(attribute('expires') ?? '');
      const key = `${url.hostname} ${path} ${name}`;
      if (value === '' || attribute('max-age') === '0' || expires < Date.now()) jar.delete(key);
      else jar.set(key, { name, value, path, host: url.hostname });
    }
  }
  return {
    open: (url) => visit(new URL(url)),
    submit: (form: Form, values = {}) =>
      visit(form.action, new URLSearchParams({ ...form.fields, ...values }), form.action),
  };
}
