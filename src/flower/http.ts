import type { IncomingMessage } from 'node:http';
import type { FlowerControl, FlowerEndpoint } from './control.ts';
import { flowerFailure } from './failure.ts';
import { readFrames } from './frames.ts';
import { asksForBearer, expectMedia, failureOf, hasMarkedEnd } from './http-answers.ts';
import { openPeer, type Post, readBody, readWhole } from './http-exchange.ts';
import { createRenewal } from './http-renewal.ts';
import { patiently } from './patience.ts';
import { decodeAnswer, rpcs } from './rpcs.ts';
import { assertTokensSafe, CONNECT_MS, carriesToken, type FlowerOptions } from './trust.ts';

const MESSAGE = 'application/protobuf';
const STREAM = 'application/flower-protobuf-stream';
/** The head of a stream comes at once, whatever its messages do. */
const HEAD_MS = 30_000;
const REFRESH_MS = 20_000;

/** Asked twice they answer twice. */
const READS = /^(List|Show|StreamLogs)/;

/** What a call needs beside its message. */
type Ask = Pick<Post, 'headMs' | 'wholeMs' | 'signal'> & { readonly accept: string };

/** "StartRun" -> "/v1/control/start-run" (flower/facts section 7). */
export function controlPath(name: string): string {
  return `/v1/control/${name.replace(/(?!^)([A-Z])/g, '-$1').toLowerCase()}`;
}

/** A SuperLink's Control API over HTTP: flwr 1.37 and later. Opens nothing before the first call. @throws AppError */
export function openFlowerHttp(endpoint: FlowerEndpoint, options: FlowerOptions): FlowerControl {
  assertTokensSafe(endpoint, options);
  const { tokens, userAgent, connectMs = CONNECT_MS, patient = false } = options;
  const peer = openPeer(endpoint, options);
  const renewal = tokens && createRenewal(tokens, refresh);

  function send(name: string, body: Uint8Array, token: string | undefined, ask: Ask): Promise<IncomingMessage> {
    const headers = {
      accept: ask.accept,
      'accept-encoding': 'identity',
      'content-type': MESSAGE,
      'content-length': String(body.length),
      'user-agent': userAgent,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const post = { ...ask, path: controlPath(name), headers, body, connectMs, repeatable: READS.test(name) };
    return patiently(patient ? connectMs : 0, () => peer.post(post));
  }

  /** With the token of the login; renewed and repeated once where the server says that it is over. */
  async function ask(name: string, body: Uint8Array, one: Ask): Promise<IncomingMessage> {
    const pair = carriesToken(name) ? await tokens?.tokens() : undefined;
    const first = await send(name, body, pair?.accessToken, one);
    if (first.statusCode !== 401 || pair === undefined || !renewal) return expectMedia(first, one.accept, one.signal);
    const refused = await failureOf(first, one.signal);
    const renewed = asksForBearer(first) ? await renewal(pair) : undefined;
    if (renewed === undefined) throw refused;
    return expectMedia(await send(name, body, renewed.accessToken, one), one.accept, one.signal);
  }

  async function refresh({ accessToken, refreshToken }: { accessToken: string; refreshToken: string }) {
    const rpc = rpcs.refreshAuthTokens;
    const one = { accept: MESSAGE, headMs: REFRESH_MS, wholeMs: REFRESH_MS, signal: undefined };
    const response = await send(rpc.name, rpc.encode({ refreshToken }), accessToken, one);
    return decodeAnswer(rpc, await readWhole(await expectMedia(response, MESSAGE, undefined), undefined));
  }

  return {
    transport: 'http',

    async call(rpc, request, { timeoutMs, signal }) {
      const one = { accept: MESSAGE, headMs: timeoutMs, wholeMs: timeoutMs, signal };
      return decodeAnswer(rpc, await readWhole(await ask(rpc.name, rpc.encode(request), one), signal));
    },

    async *stream(rpc, request, { signal }) {
      const one = { accept: STREAM, headMs: HEAD_MS, wholeMs: undefined, signal };
      const response = await ask(rpc.name, rpc.encode(request), one);
      try {
        for await (const frame of readFrames(readBody(response, signal))) yield decodeAnswer(rpc, frame);
        if (!hasMarkedEnd(response)) throw flowerFailure({ kind: 'unavailable', code: 'UNAVAILABLE' });
      } finally {
        response.destroy();
      }
    },

    losses: () => 0,
    close: () => peer.close(),
  };
}
