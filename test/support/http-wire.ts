import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** What a client of the HTTPS port sees. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False where the connection was cut before the body had come to its end. */
  readonly whole: boolean;
}

export interface HttpCall {
  readonly port: number;
  /** PEM; without it plain HTTP. */
  readonly ca?: string | Buffer;
  readonly path: string;
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly headers?: OutgoingHttpHeaders;
}

export const PROTOBUF = 'application/protobuf';
export const PROTOBUF_STREAM = 'application/flower-protobuf-stream';

/** One request of its own connection, with Flower's content type unless told otherwise. */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const response = await openHttp(call);
  const pieces: Buffer[] = [];
  let whole = true;
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
  } catch {
    whole = false;
  }
  const { statusCode = 0, headers } = response;
  return { status: statusCode, headers, body: Buffer.concat(pieces), whole: whole && response.complete };
}

/** The same, up to its headers. */
export function openHttp({ port, ca, path, method = 'POST', body, headers = {} }: HttpCall): Promise<IncomingMessage> {
  const options = { host: '127.0.0.1', servername: 'localhost', port, path, method, agent: false as const, ca };
  const sent = (ca ? requestHttps : requestHttp)({
    ...options,
    headers: { 'content-type': PROTOBUF, 'content-length': body?.length ?? 0, ...headers },
  });
  return new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', resolve);
    sent.end(body);
  });
}

/** Messages of a stream, each after its length; what is cut off at the end is left out. */
export function unframe(body: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 4 <= body.length; ) {
    const end = at + 4 + body.readUInt32BE(at);
    if (end > body.length) break;
    messages.push(body.subarray(at + 4, end));
    at = end;
  }
  return messages;
}
