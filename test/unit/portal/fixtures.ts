import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../../src/core/errors.ts';
import type { LoginPage } from '../../../src/core/services.ts';
import { type PageCall, portalRoutes } from '../../../src/server/portal/index.ts';
import type { HttpReply, HttpRequest } from '../../../src/server/transport/https.ts';

export const ORIGIN = 'https://fed.example.test:9094';
export const CODE = 'BCDF-GHJK';
export const PROVIDER_URL = 'https://idp.example.test/authorize?client_id=fedctl&state=s&nonce=n';
export const NOW = Date.UTC(2026, 0, 1, 12, 5);

export const LOGIN: LoginPage = {
  userCode: CODE,
  provider: 'Example ID',
  client: 'fedctl/0.1.0',
  host: 'laptop',
  address: '192.0.2.7',
  startedAt: NOW - 125_000,
  expiresAt: NOW + 475_000,
};

export interface Asked {
  readonly method: string;
  readonly input: Record<string, unknown>;
  readonly peer: { readonly address: string; readonly userAgent: string };
}

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: IncomingHttpHeaders;
  readonly body?: string;
}

/** Answers of the methods behind the pages, each to be replaced. */
const GOOD: Readonly<Record<string, (input: never) => unknown>> = {
  'login.page': ({ userCode }: { userCode: string }) => {
    if (userCode === CODE) return LOGIN;
    throw new AppError('NOT_FOUND', 'LOGIN_UNKNOWN', 'There is no login with that code.', { hint: 'Look again.' });
  },
  'login.confirm': () => ({ authorizationUrl: PROVIDER_URL }),
  'login.deny': () => ({}),
  'login.callback': () => ({ account: 'alice', client: 'fedctl/0.1.0' }),
  'session.provider-logout': () => ({ ended: 1 }),
  'session.logged-out': () => ({}),
};

/** The pages over methods that answer as told; `asked` has what was called. */
export function startPortal(answers: Readonly<Record<string, (input: never) => unknown>> = {}, publicUrl = ORIGIN) {
  const asked: Asked[] = [];
  const call: PageCall = (method, input, peer) => {
    asked.push({ method, input: input as Record<string, unknown>, peer });
    const answer = answers[method] ?? GOOD[method];
    return { requestId: 'ref-1', result: (async () => answer?.(input as never))() as never };
  };
  const routes = portalRoutes({ call, publicUrl, clock: { now: () => NOW, monotonic: () => NOW } });

  async function ask({ method = 'GET', path, headers = {}, body = '' }: Ask): Promise<HttpReply & { text: string }> {
    const url = new URL(path, publicUrl);
    const verb = method === 'HEAD' ? 'GET' : method;
    const isHere = (own: string) => own === url.pathname || (own.endsWith('/') && url.pathname.startsWith(own));
    const route = routes.find((one) => one.method === verb && isHere(one.path));
    if (!route) throw new Error(`no route for ${method} ${path}`);
    const request: HttpRequest = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      remoteAddress: '::ffff:192.0.2.9',
      body: async () => Buffer.from(body),
    };
    const reply = await route.handle(request);
    return { ...reply, text: String(reply.body) };
  }

  return { ask, asked, routes };
}

export type Portal = ReturnType<typeof startPortal>;

/** What a browser that has opened the page of `code` would send with its form. */
export async function openForm(portal: Portal, code = CODE, headers: IncomingHttpHeaders = {}) {
  const page = await portal.ask({ path: `/device?code=${code}`, headers });
  const cookie = /^[^;]*/.exec(page.headers?.['set-cookie'] ?? '')?.[0] ?? '';
  const token = /name="token" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
  return { cookie, token, page };
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const;
export const FROM_HERE = { ...FORM, origin: ORIGIN, 'sec-fetch-site': 'same-origin' } as const;
