import type { CustomFetch } from 'openid-client';
import type { Dispatcher } from 'undici';
import { isLoopback } from '../core/addresses.ts';
import { AppError } from '../core/errors.ts';
import { proxyFor, proxyName } from '../core/proxy.ts';
import { trustRoots } from '../core/trust-roots.ts';

const DEADLINE_MS = 15_000;
const LIMIT = 256 * 1024;

export interface WebRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
  readonly signal?: AbortSignal | undefined;
  /** PEM of the authority to trust beside the system's. */
  readonly ca?: string | undefined;
  /** Names the proxy: HTTPS_PROXY, NO_PROXY. */
  readonly env: NodeJS.ProcessEnv;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/**
 * One question to a web server that is sent a secret: TLS, or this machine; bounded in time and size; redirects are not
 * followed. Loads undici.
 * @throws INVALID_ARGUMENT ADDRESS_REFUSED, and what undici throws
 */
export async function fetchWeb(address: string, request: WebRequest): Promise<WebAnswer> {
  checkSafe(address);
  const { method = 'GET', headers = {}, body = null, signal, ca, env } = request;
  const { fetch } = await import('undici');
  const agent = await openAgent(new URL(address), ca, env);
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(address, {
      method,
      headers,
      body,
      redirect: 'manual',
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      dispatcher: agent,
    });
    return { status: response.status, headers: [...response.headers], body: await readBounded(response.body) };
  } finally {
    await agent.destroy();
  }
}

async function openAgent(url: URL, ca: string | undefined, env: NodeJS.ProcessEnv): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici');
  const system = url.protocol === 'https:' ? trustRoots(env) : [];
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
  const bounds = { timeout: DEADLINE_MS, rejectUnauthorized: true };
  const trust = { ...bounds, ca: ca === undefined ? system : [ca, ...system] };
  const to = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 443) };
  const proxy = url.protocol === 'https:' ? proxyFor(to, env) : undefined;
  if (proxy === undefined) return new Agent({ connect: trust });
  const token = proxy.authorization === undefined ? {} : { token: proxy.authorization.reveal() };
  const proxyTls = { ...bounds, ca: system };
  return new ProxyAgent({ uri: proxyName(proxy), ...token, requestTls: trust, proxyTls });
}

/** The same for openid-client. */
export function webFetch({ ca, env }: Pick<WebRequest, 'ca' | 'env'>): CustomFetch {
  return async (address, { method, headers, body, signal }) => {
    const text = body === undefined || body === null ? null : String(body);
    const answer = await fetchWeb(address, { method, headers, body: text, signal, ca, env });
    const kept = answer.headers.filter(([name]) => !/^(content-(encoding|length)|transfer-encoding)$/.test(name));
    return new Response(answer.status === 204 ? null : answer.body, {
      status: answer.status,
      headers: kept as [string, string][],
    });
  };
}

function checkSafe(address: string): void {
  const url = URL.parse(address);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return;
  const text = 'An address that is sent a secret must begin with https, or be on this machine.';
  throw new AppError('INVALID_ARGUMENT', 'ADDRESS_REFUSED', text);
}

async function readBounded(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > LIMIT) throw new Error(`answer over ${LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
