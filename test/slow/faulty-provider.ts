import { createServer, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** How an identity provider can fail, for whatever it is asked. */
export const FAULTS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'never answers': () => {},
  'drips a byte each second': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write('{'), 1_000);
    response.once('close', () => clearInterval(timer));
  },
  'answers with a page': (response) => send(response, 200, 'text/html', '<html><body>Maintenance</body></html>'),
  'answers 200 with an error': (response) => send(response, 200, 'application/json', '{"error":"server_error"}'),
  'answers with wrong types': (response) =>
    send(response, 200, 'application/json', '{"access_token":5,"token_type":[],"refresh_token":{},"id_token":true}'),
  'answers with half of a document': (response) => send(response, 200, 'application/json', '{"access_token":"x","tok'),
  'answers with 100 MB': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const megabyte = Buffer.alloc(1024 * 1024, ' ');
    let left = 100;
    const next = () => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        if (!response.write(megabyte)) return void response.once('drain', next);
      }
      response.end('{}');
    };
    response.on('error', () => {});
    next();
  },
  'answers with a gzip bomb': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(gzipSync(Buffer.alloc(100 * 1024 * 1024, ' ')));
  },
  'answers 500': (response) => send(response, 500, 'text/plain', 'oops'),
};

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

export interface FaultyProvider {
  /** Requests that came. */
  readonly count: () => number;
  close(): Promise<void>;
}

/** Stands where the identity provider stood. */
export async function startFaultyProvider(
  issuer: string,
  answer: (response: ServerResponse) => void,
): Promise<FaultyProvider> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    answer(response);
  });
  const { hostname, port } = new URL(issuer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(Number(port), hostname, resolve);
  });
  return {
    count: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
