import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import type { JSONWebKeySet } from 'jose';
import type { CustomFetch } from 'openid-client';
import { Agent, type Dispatcher, fetch, ProxyAgent, Response } from 'undici';
import { isLoopback } from '../../core/addresses.ts';
import { type ForwardProxy, proxyName } from '../../core/proxy.ts';
import { trustContext } from '../../core/trust-roots.ts';
import { providerMisconfigured } from './failures.ts';
import { publicLookup, refusePrivate } from './private-networks.ts';

/** HTTP to one identity provider, bounded in time and size whatever the peer does (security.md MD-02, DG-14, F-04, F-05). */
export interface Transport {
  readonly fetch: CustomFetch;
  /** A key set (RFC 7517). Throws for anything but a usable one. */
  readKeys(url: string): Promise<JSONWebKeySet>;
  close(): Promise<void>;
}

export const DEADLINE_MS = 5000;
const KiB = 1024;
const READ_LIMIT = 256 * KiB;
const TOKEN_LIMIT = 1024 * KiB;

interface Answer {
  readonly status: number;
  readonly headers: [string, string][];
  readonly body: Buffer;
}
type Ask = (url: string, options: Partial<Parameters<CustomFetch>[1]>) => Promise<Answer>;

export interface TransportOptions {
  /** PEM file with the authorities to trust instead of Node's, the machine's and SSL_CERT_FILE. */
  readonly caFile?: string | undefined;
  /** The way to the provider; those that the environment names are not used. */
  readonly proxy?: ForwardProxy | undefined;
  /** What an administrator has named: the issuer's origin, and others that may hold its endpoints. Only these may be on a private network. */
  readonly origins?: readonly string[] | undefined;
}

export function createTransport({ caFile, proxy, origins }: TransportOptions): Transport {
  const ca = caFile === undefined ? undefined : readCa(caFile);
  let context: SecureContext | undefined;
  const secure = () => {
    context ??= trustContext(ca, process.env);
    return { secureContext: context };
  };
  const isTrusted = (url: URL) => origins === undefined || origins.includes(url.origin);
  const ways = {
    direct: { proxy: undefined, lookup: undefined },
    trusted: { proxy, lookup: undefined },
    foreign: { proxy, lookup: publicLookup },
  };
  const agents = new Map<string, Dispatcher>();
  const agentFor = (url: URL) => {
    const way = isLoopback(url.hostname) ? 'direct' : isTrusted(url) ? 'trusted' : 'foreign';
    const key = `${url.protocol} ${way}`;
    const open = agents.get(key) ?? openAgent({ tls: url.protocol === 'https:' ? secure() : {}, ...ways[way] });
    agents.set(key, open);
    return open;
  };
  const ask: Ask = async (url, options) => {
    const parsed = new URL(url);
    refusePlainHttp(parsed);
    if (!isTrusted(parsed)) refusePrivate(parsed, origins ?? []);
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const { method = 'GET', headers = {} } = options;
    const body = options.body === undefined || options.body === null ? null : String(options.body);
    // Never followed: a token request must not be carried to another place.
    const init = { method, headers, body, signal, redirect: 'manual' as const, dispatcher: agentFor(parsed) };
    const response = await fetch(url, init);
    const content = await readBounded(response.body, method === 'POST' ? TOKEN_LIMIT : READ_LIMIT);
    return { status: response.status, headers: plainHeaders(response.headers), body: content };
  };
  return {
    async fetch(url, options) {
      const answer = await ask(url, options);
      const empty = answer.status === 204 || answer.status === 304;
      const made = new Response(empty ? null : answer.body, { status: answer.status, headers: answer.headers });
      return made as unknown as globalThis.Response;
    },
    readKeys: async (url) => parseKeys(await ask(url, { method: 'GET', headers: { accept: 'application/json' } })),
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

interface AgentSettings {
  readonly tls: { readonly secureContext?: SecureContext };
  readonly proxy: ForwardProxy | undefined;
  readonly lookup: typeof publicLookup | undefined;
}

function openAgent({ tls, proxy, lookup }: AgentSettings): Dispatcher {
  const bounds = { connections: 16, headersTimeout: DEADLINE_MS, bodyTimeout: DEADLINE_MS };
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
  const connect = { timeout: DEADLINE_MS, rejectUnauthorized: true };
  if (proxy === undefined) {
    return new Agent({ ...bounds, connect: { ...connect, ...tls, ...(lookup && { lookup }) } });
  }
  return new ProxyAgent({
    ...bounds,
    uri: proxyName(proxy),
    requestTls: { ...connect, ...tls },
    proxyTls: connect,
    ...(proxy.authorization && { token: proxy.authorization.reveal() }),
  });
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const hint = 'Correct `ca-file` of that issuer in the server config.';
    throw providerMisconfigured('The CA file of an identity provider can not be read.', hint, cause);
  }
}

/** Plain http is for a provider on this machine only, whatever its metadata name as endpoints. */
export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === 'http:' && isLoopback(url.hostname);
}

function refusePlainHttp(url: URL): void {
  if (url.protocol === 'https:' || isLoopbackHttp(url)) return;
  throw new Error('refused: an endpoint of the identity provider is neither https nor on this machine');
}

async function readBounded(body: AsyncIterable<Uint8Array> | null, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the stream. The size counts after decompression.
    if (size > limit) throw new Error(`refused: answer over ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const plainHeaders = (headers: Iterable<[string, string]>): [string, string][] =>
  [...headers].filter(([name]) => !/^(content-encoding|content-length|transfer-encoding|set-cookie)$/.test(name));

function parseKeys({ status, body }: Answer): JSONWebKeySet {
  const { keys } = status === 200 ? JSON.parse(body.toString('utf8')) : { keys: undefined };
  // An empty set is taken for a mistake, not for "trust nobody" (security.md F-09).
  if (!Array.isArray(keys) || keys.length === 0) throw new Error(`no usable key set (status ${status})`);
  return { keys };
}
