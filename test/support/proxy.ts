import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { TestPair } from './certificates.ts';

/** A forward proxy that only tunnels (RFC 9110, 9.3.6). */
export interface TestProxy {
  readonly port: number;
  /** `host:port` of every CONNECT so far. */
  readonly asked: readonly string[];
  /** All that clients have sent through the tunnels, as it went over the wire. */
  sent(): Buffer;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** TLS between client and proxy. */
  readonly tls?: TestPair;
  /** "user:password" that it wants. */
  readonly login?: string;
  /** Answers every CONNECT so. */
  readonly refuse?: number;
  /** Where names really are: a name that only the proxy knows. */
  readonly hosts?: Readonly<Record<string, string>>;
}

export async function startProxy({ tls, login, refuse, hosts = {} }: ProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const sent: Buffer[] = [];
  const open = new Set<Socket>();
  const server = (tls === undefined ? createServer() : createTlsServer(tls)) as Server;
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
  };
  server.on('connection', keep);
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    keep(client);
    asked.push(request.url ?? '');
    const end = (status: string) => client.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) return end('407 Login');
    if (refuse !== undefined) return end(`${refuse} No`);
    const { hostname, port } = new URL(`http://${request.url}`);
    const server = connect(Number(port), hosts[hostname] ?? hostname);
    keep(server);
    server.once('error', () => end('502 Bad Gateway'));
    server.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.write(head);
      client.on('data', (bytes) => sent.push(bytes));
      client.pipe(server).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    sent: () => Buffer.concat(sent),
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
