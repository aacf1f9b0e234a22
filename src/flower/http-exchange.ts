import {
  type AgentOptions,
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { trustedBy } from '../core/trust-roots.ts';
import { tunnelAgent } from '../core/tunnel-agent.ts';
import type { FlowerEndpoint } from './control.ts';
import { flowerFailure, isFlowerFailure } from './failure.ts';
import { MAX_MESSAGE_BYTES } from './frames.ts';
import { brokenFailure } from './http-errors.ts';
import { type FlowerOptions, splitAddress } from './trust.ts';

/** Idle connections end before uvicorn ends them (5 s), so that a request rarely meets a closing one. */
const IDLE_MS = 2_000;
/** A peer that is gone without a word is noticed on a stream that is silent for long. */
const KEEPALIVE_MS = 30_000;

export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly connectMs: number;
  /** Until the head of the answer is there. */
  readonly headMs: number;
  /** Until all of it is there; undefined for a stream, which may last. */
  readonly wholeMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** May be sent a second time; anything else goes on a connection of its own, which can't be just closing. */
  readonly repeatable: boolean;
}

export interface HttpPeer {
  /** An answer whose body is still to be read. @throws FlowerFailure where none came */
  post(post: Post): Promise<IncomingMessage>;
  close(): void;
}

/** HTTP/1.1 to one address; follows no redirect. */
export function openPeer(
  endpoint: FlowerEndpoint,
  { unverified = false }: Pick<FlowerOptions, 'unverified'>,
): HttpPeer {
  const { host, port } = splitAddress(endpoint.address);
  const send = endpoint.insecure ? httpRequest : httpsRequest;
  const [kept, fresh] = [
    openAgent(endpoint, { keepAlive: true, timeout: IDLE_MS }, unverified),
    openAgent(endpoint, { keepAlive: false }, unverified),
  ];
  const start = ({ path, headers }: Post, agent: HttpAgent) =>
    send({ host, port, path, method: 'POST', headers, agent });

  async function post(one: Post): Promise<IncomingMessage> {
    if (!one.repeatable) return exchange(start(one, fresh), one);
    const first = start(one, kept);
    try {
      return await exchange(first, one);
    } catch (error) {
      // The server closed the connection while it lay idle.
      const isBroken = isFlowerFailure(error) && error.kind === 'unavailable' && error.code !== 'DEADLINE_EXCEEDED';
      if (isBroken && first.reusedSocket) return exchange(start(one, fresh), one);
      throw error;
    }
  }

  return {
    post,
    close() {
      kept.destroy();
      fresh.destroy();
    },
  };
}

function openAgent(endpoint: FlowerEndpoint, options: AgentOptions, unverified: boolean): HttpAgent {
  if (endpoint.insecure) return new HttpAgent(options);
  const { rootCertificates, proxy } = endpoint;
  const ca = trustedBy(rootCertificates, process.env);
  const trust = { ca, rejectUnauthorized: !unverified };
  if (proxy === undefined) return new HttpsAgent({ ...options, ...trust });
  return tunnelAgent({ proxy, to: splitAddress(endpoint.address) }, { ...options, ...trust });
}

/** One request until the head of its answer; time and signal go on until its body is over. */
function exchange(request: ClientRequest, post: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const giveUp = (kind: 'unreachable' | 'unavailable' | 'cancelled', code?: 'DEADLINE_EXCEEDED' | 'CANCELLED') =>
      void request.destroy(
        flowerFailure({ kind: kind === 'unavailable' && !isConnected ? 'unreachable' : kind, code }),
      );
    const late = () => giveUp('unavailable', 'DEADLINE_EXCEEDED');
    const connecting = setTimeout(() => giveUp('unreachable'), post.connectMs);
    const head = setTimeout(late, post.headMs);
    const whole = post.wholeMs === undefined ? undefined : setTimeout(late, post.wholeMs);
    const cancel = () => giveUp('cancelled', 'CANCELLED');
    const connected = () => {
      isConnected = true;
      clearTimeout(connecting);
    };
    request.once('socket', (socket) => {
      socket.setKeepAlive(true, KEEPALIVE_MS);
      if (request.reusedSocket || !socket.connecting) return connected();
      // A certificate that is refused is a connection that was never made.
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected);
    });
    request.once('error', (error) => reject(isFlowerFailure(error) ? error : brokenFailure(error, isConnected)));
    request.once('close', () => {
      for (const timer of [connecting, head, whole]) clearTimeout(timer);
      post.signal?.removeEventListener('abort', cancel);
    });
    request.once('response', (response) => {
      clearTimeout(head);
      resolve(response);
    });
    post.signal?.addEventListener('abort', cancel, { once: true });
    if (post.signal?.aborted) cancel();
    request.end(post.body);
  });
}

/** The body of an answer, piece by piece. @throws FlowerFailure where it breaks off */
export async function* readBody(response: IncomingMessage, signal: AbortSignal | undefined): AsyncIterable<Buffer> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (error) {
    if (isFlowerFailure(error)) throw error;
    throw signal?.aborted
      ? flowerFailure({ kind: 'cancelled', code: 'CANCELLED', cause: error })
      : brokenFailure(error, true);
  }
}

/** A whole body of at most `maxBytes`. @throws FlowerFailure */
export async function readWhole(
  response: IncomingMessage,
  signal: AbortSignal | undefined,
  maxBytes: number = MAX_MESSAGE_BYTES,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readBody(response, signal)) {
    size += chunk.length;
    if (size > maxBytes) throw flowerFailure({ kind: 'invalid', cause: new Error(`more than ${maxBytes} bytes`) });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
