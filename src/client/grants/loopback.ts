import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../../core/errors.ts';
import { PAGES, type Page, sendPage } from './loopback-page.ts';

export const REDIRECT_PATH = '/oauth/callback';
/** Parameters of a redirect (RFC 6749 section 4.1.2, RFC 9207), as they came; "" where one is absent. */
export interface RedirectAnswer {
  readonly code: string;
  readonly state: string;
  readonly iss: string;
  readonly error: string;
  readonly errorDescription: string;
}

/** A listener for one redirect of a browser on this machine (RFC 8252 section 7.3; security.md NA-02). */
export interface Loopback {
  readonly redirectUri: string;
  /** Resolves with the first redirect that carries `state`; undefined: the server judges it. */
  answer(state: string | undefined): Promise<RedirectAnswer>;
  close(): void;
}

type Judge = (query: URLSearchParams) => boolean;

/**
 * Listens on loopback addresses only: 127.0.0.1, and for "localhost" ::1 as well, where there is one.
 * @param port 0 = any that is free
 * @throws FAILED_PRECONDITION REDIRECT_PORT_TAKEN, REDIRECT_PORT_REFUSED
 */
export async function openLoopback(place: { host: '127.0.0.1' | 'localhost'; port: number }): Promise<Loopback> {
  // Until the login has started, no redirect can be ours.
  let judge: Judge = () => false;
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) {
      server.close();
      // What was answered is flushed; nothing else is kept waiting.
      server.closeIdleConnections();
    }
  };
  const add = async (address: string, port: number) => {
    const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) =>
      sendPage(
        response,
        pageFor(request, `${place.host}:${port || portOf(server)}`, (query) => judge(query)),
      ),
    );
    servers.push(server);
    await listen(server, address, port);
    return portOf(server);
  };
  try {
    const port = await add('127.0.0.1', place.port);
    if (place.host === 'localhost') await add('::1', port).catch(ignoreMissingIpv6);
    return {
      redirectUri: `http://${place.host}:${port}${REDIRECT_PATH}`,
      answer: (state) =>
        new Promise((resolve) => {
          judge = (query) => {
            if (state !== undefined && query.get('state') !== state) return false;
            judge = () => false;
            resolve(answerOf(query));
            close();
            return true;
          };
        }),
      close,
    };
  } catch (error) {
    close();
    throw listenFailure(error, place.port);
  }
}

function pageFor({ method, headers, url = '' }: IncomingMessage, host: string, judge: Judge): Page {
  // Another name that leads here (DNS rebinding) is none of ours.
  if (headers.host?.toLowerCase() !== host) return PAGES.misdirected;
  const target = URL.parse(url, `http://${host}`);
  if (target?.pathname !== REDIRECT_PATH) return PAGES.missing;
  if (method !== 'GET') return PAGES.method;
  const query = target.searchParams;
  const names = [...query.keys()];
  const twice = new Set(names).size !== names.length;
  const empty = !query.has('code') && !query.has('error');
  if (twice || empty || !judge(query)) return PAGES.foreign;
  return query.has('error') ? PAGES.refused : PAGES.done;
}

function answerOf(query: URLSearchParams): RedirectAnswer {
  const text = (name: string) => (query.get(name) ?? '').slice(0, 8_192);
  const [code, state, iss, error] = [text('code'), text('state'), text('iss'), text('error')];
  return { code, state, iss, error, errorDescription: text('error_description') };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host.includes(':'), exclusive: true }, () => resolve());
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

function ignoreMissingIpv6(error: unknown): void {
  if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error))) throw error;
}

function listenFailure(error: unknown, port: number): unknown {
  const hint =
    'Take any free one: --redirect-port 0 (if the provider takes any loopback port), or: --grant device_code';
  if (codeOf(error) === 'EADDRINUSE') {
    const text = `Port ${port} of this machine is taken, so the browser can't answer there.`;
    return new AppError('FAILED_PRECONDITION', 'REDIRECT_PORT_TAKEN', text, { hint });
  }
  if (codeOf(error) !== 'EACCES') return error;
  return new AppError('FAILED_PRECONDITION', 'REDIRECT_PORT_REFUSED', `You may not listen on port ${port}.`, { hint });
}
