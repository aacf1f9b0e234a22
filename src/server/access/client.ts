import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { CredentialsMethod, OpenFgaClient, type UserClientConfigurationParams } from '@openfga/sdk';
import { isLoopback } from '../../core/addresses.ts';
import { isAppError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { ForwardProxy } from '../../core/proxy.ts';
import type { Secret } from '../../core/secret.ts';
import { trustContext } from '../../core/trust-roots.ts';
import { tunnelAgent } from '../../core/tunnel-agent.ts';
import { type FgaFault, faultOf, isRetryable, toAppError } from './failures.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly apiToken?: Secret | undefined;
  /** PEM file; trusted instead of the system's roots. */
  readonly caFile?: string | undefined;
  /** The way to an https:// OpenFGA; default: straight. */
  readonly proxy?: ForwardProxy | undefined;
  /** For one request with its retries. */
  readonly deadlineMs: number;
  readonly log: Logger;
  /** Told of every call, for metrics. `ms` with retries. */
  readonly observe?: ((call: { name: string; ms: number; ok: boolean }) => void) | undefined;
}

/** Runs one call of the SDK under the deadline. @throws AppError as failures.ts maps */
type Caller = <T>(name: string, request: (options: object) => Promise<T>) => Promise<T>;

export interface Connection {
  readonly sdk: OpenFgaClient;
  readonly call: Caller;
  close(): void;
}

const MAX_RETRIES = 2;
const FIRST_WAIT_MS = 30;
const MAX_SOCKETS = 64;
const MiB = 1024 * 1024;

/** Requests that change nothing: safe to repeat when a kept-alive socket turns out to be dead. */
const READS = new Set(['Check', 'BatchCheck', 'Proof', 'Read', 'ReadChanges', 'GetStore', 'ReadModel', 'ListStores']);

function mayRepeat(name: string, fault: FgaFault): boolean {
  return isRetryable(fault) || (READS.has(name) && (fault.code === 'ECONNRESET' || fault.code === 'EPIPE'));
}

function createCaller({ deadlineMs, log, observe }: ConnectionOptions): Caller {
  return async (name, request) => {
    const begin = performance.now();
    const signal = AbortSignal.timeout(deadlineMs);
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await request({ signal });
        observe?.({ name, ms: performance.now() - begin, ok: true });
        return answer;
      } catch (error) {
        if (isAppError(error)) throw error;
        const fault = faultOf(error);
        const wait = FIRST_WAIT_MS * 2 ** attempt * (1 + Math.random());
        const left = deadlineMs - (performance.now() - begin);
        if (attempt < MAX_RETRIES && mayRepeat(name, fault) && wait < left) {
          await delay(wait);
          continue;
        }
        observe?.({ name, ms: performance.now() - begin, ok: false });
        // A request that OpenFGA does not understand is a fault of ours or of the store: never a "no", and somebody must know.
        if (fault.status === 400 && name !== 'Write') log.error({ call: name, fault }, 'OpenFGA refused a request');
        throw toAppError(name, fault);
      }
    }
  };
}

/** A connection to OpenFGA: kept-alive sockets, a deadline per request, no redirects, retries only for 429 and 5xx. */
export function connect(options: ConnectionOptions): Connection {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const httpAgent = new HttpAgent(agent);
  const ca = options.caFile === undefined ? undefined : readFileSync(options.caFile);
  const isSecure = new URL(options.url).protocol === 'https:';
  const trust = isSecure ? { secureContext: trustContext(ca, process.env) } : {};
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
  const httpsAgent = openHttpsAgent(options, { ...agent, ...trust, rejectUnauthorized: true });
  const baseOptions = {
    httpAgent,
    httpsAgent,
    maxRedirects: 0,
    maxContentLength: 16 * MiB,
    // axios takes proxies from the environment; here only the configuration names one.
    proxy: false,
  };
  const config: UserClientConfigurationParams = {
    apiUrl: options.url.replace(/\/+$/, ''),
    retryParams: { maxRetry: 0, minWaitInMs: FIRST_WAIT_MS },
    baseOptions,
  };
  if (options.apiToken !== undefined) {
    config.credentials = { method: CredentialsMethod.ApiToken, config: { token: options.apiToken.reveal() } };
  }
  return {
    sdk: new OpenFgaClient(config),
    call: createCaller(options),
    close: () => {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function openHttpsAgent({ url, proxy }: ConnectionOptions, options: AgentOptions): HttpsAgent {
  const { protocol, hostname, port } = new URL(url);
  if (proxy === undefined || protocol !== 'https:' || isLoopback(hostname)) return new HttpsAgent(options);
  const to = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 443) };
  return tunnelAgent({ proxy, to }, options);
}
