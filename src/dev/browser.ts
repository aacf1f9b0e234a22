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

/** As much of a browser as a login needs: cookies, redirects, plain forms. */
export interface Browser {
  open(url: string | URL): Promise<Page>;
  /** Submits a form; `values` add to and overwrite its fields. */
  submit(form: Form, values?: Readonly<Record<string, string>>): Promise<Page>;
}

const MAX_REDIRECTS = 15;

/**
 * A browser for servers on loopback; everything else is refused, so that no password travels. Where a redirect leads to an
 * address of `stopAt`, it is the page's address and nobody is asked.
 */
export function openBrowser({ stopAt = () => false }: { stopAt?: (url: URL) => boolean } = {}): Browser {
  const cookies = new Map<string, { name: string; value: string; path: string; host: string }>();
  const visit = async (start: URL, form?: URLSearchParams): Promise<Page> => {
    let url = start;
    let body = form;
    for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
      if (hop > 0 && stopAt(url)) return { url, status: 302, html: '', forms: [] };
      const response = await request(url, body, cookieHeader([...cookies.values()], url));
      for (const text of response.headers.getSetCookie()) keepCookie(cookies, text, url);
      const location = response.headers.get('location');
      const html = await response.text();
      if (!location || response.status < 300 || response.status > 399) {
        return { url, status: response.status, html, forms: parseForms(html, url) };
      }
      url = new URL(location, url);
      body = undefined;
    }
    throw new AppError('INTERNAL', 'BROWSER_REDIRECTS', 'The login pages redirect in a circle.');
  };
  return {
    open: (url) => visit(new URL(url)),
    submit: (form, values = {}) => visit(form.action, new URLSearchParams({ ...form.fields, ...values })),
  };
}

function request(url: URL, body: URLSearchParams | undefined, cookie: string): Promise<Response> {
  if (url.protocol !== 'http:' || !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'BROWSER_LOOPBACK_ONLY',
      'Only login pages on this machine are opened this way.',
    );
  }
  return fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { cookie },
    redirect: 'manual',
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
