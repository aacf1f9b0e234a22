import { readFileSync } from 'node:fs';
import type { CustomFetch } from 'openid-client';
import { Agent, fetch, Response } from 'undici';
import { providerMisconfigured } from './failures.ts';

/** HTTP to one identity provider, bounded in time and size whatever the peer does (security.md MD-02, DG-14, F-04, F-05). */
export interface Transport {
  readonly fetch: CustomFetch;
  /** Marks the address of the key set, whose last good content is kept for when the provider can't give it. */
  keepKeysOf(url: string): void;
  close(): Promise<void>;
}

export const DEADLINE_MS = 5000;
const KiB = 1024;
const READ_LIMIT = 256 * KiB;
const TOKEN_LIMIT = 1024 * KiB;
const STALE_KEYS_MS = 24 * 3600 * 1000;

interface Answer {
  readonly status: number;
  readonly headers: [string, string][];
  readonly body: Buffer;
}
type Ask = (url: string, options: Parameters<CustomFetch>[1]) => Promise<Answer>;

export function createTransport({ caFile, now }: { caFile?: string | undefined; now: () => number }): Transport {
  const agent = new Agent({
    connect: { timeout: DEADLINE_MS, ...(caFile === undefined ? {} : { ca: readCa(caFile) }) },
    connections: 16,
    headersTimeout: DEADLINE_MS,
    bodyTimeout: DEADLINE_MS,
  });
  const ask: Ask = async (url, options) => {
    refusePlainHttp(url);
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const { method, headers } = options;
    const body = options.body === undefined || options.body === null ? null : String(options.body);
    // Never followed: a token request must not be carried to another place.
    const init = { method, headers, body, signal, redirect: 'manual' as const, dispatcher: agent };
    const response = await fetch(url, init);
    const content = await readBounded(response.body, method === 'POST' ? TOKEN_LIMIT : READ_LIMIT);
    return { status: response.status, headers: plainHeaders(response.headers), body: content };
  };
  const keys = createKeySetMemory(ask, now);
  return {
    async fetch(url, options) {
      const answer = await (keys.holds(url) ? keys.ask(url, options) : ask(url, options));
      const empty = answer.status === 204 || answer.status === 304;
      const made = new Response(empty ? null : answer.body, { status: answer.status, headers: answer.headers });
      return made as unknown as globalThis.Response;
    },
    keepKeysOf: keys.keep,
    close: () => agent.destroy(),
  };
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
  return url.protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

function refusePlainHttp(address: string): void {
  const url = new URL(address);
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

/**
 * The last good key set serves while the provider can't give a usable one, for at most a day (MD-03, F-09): by the time an
 * ID token is judged, the grant that brought it has been used up, so a failed fetch would cost the user the session.
 */
function createKeySetMemory(ask: Ask, now: () => number) {
  let address: string | undefined;
  let good: { answer: Answer; at: number } | undefined;
  const recent = () => (good && now() - good.at < STALE_KEYS_MS ? good.answer : undefined);
  return {
    holds: (url: string) => url === address,
    keep(url: string) {
      if (url === address) return;
      address = url;
      good = undefined;
    },
    async ask(url: string, options: Parameters<CustomFetch>[1]): Promise<Answer> {
      try {
        const answer = await ask(url, options);
        if (!isKeySet(answer)) return recent() ?? answer;
        good = { answer, at: now() };
        return answer;
      } catch (error) {
        const kept = recent();
        if (kept) return kept;
        throw error;
      }
    },
  };
}

function isKeySet({ status, body }: Answer): boolean {
  if (status !== 200) return false;
  try {
    const { keys } = JSON.parse(body.toString('utf8'));
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}
