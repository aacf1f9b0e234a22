import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestPair } from './certificates.ts';
import { debianFile } from './debian.ts';
import { accepts } from './nginx.ts';
import { freePort } from './openfga.ts';
import { until } from './until.ts';

/** A forward proxy that only tunnels (RFC 9110, 9.3.6). */
export interface TestProxy {
  readonly port: number;
  /** `host:port` of every CONNECT so far. */
  readonly asked: readonly string[];
  /** All that clients have sent through the tunnels, as it went over the wire. */
  sent(): Buffer;
  /** Cuts every connection; new ones are taken. */
  cut(): void;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** TLS between client and proxy. */
  readonly tls?: TestPair;
  /** "user:password" that it wants. */
  readonly login?: string;
  /** Answers every CONNECT so. */
  readonly refuse?: number;
  /** Where names really are, with a port or without: names that only the proxy knows. */
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
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const dig = (url: string, client: Socket, head: Buffer) => {
    const { hostname, port } = new URL(`http://${url}`);
    const [host = '', otherPort] = (hosts[hostname] ?? hostname).split(':');
    const target = connect(Number(otherPort ?? port), host);
    keep(target);
    target.once('error', () => refuseWith(client, 502));
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      client.on('data', (bytes) => sent.push(bytes));
      client.pipe(target).pipe(client);
    });
  };
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    keep(client);
    asked.push(request.url ?? '');
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) refuseWith(client, 407);
    else if (refuse !== undefined) refuseWith(client, refuse);
    else dig(request.url ?? '', client, head);
  });
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    sent: () => Buffer.concat(sent),
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuseWith(client: Socket, status: number): void {
  client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
}

/** tinyproxy, in the foreground on a free port, with a login. */
export async function startTinyproxy(login: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'fedctl-tinyproxy-'));
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'Listen 127.0.0.1',
    `BasicAuth ${login.replace(':', ' ')}`,
    'LogLevel Warning',
    'MaxClients 20',
  ];
  writeFileSync(join(folder, 'tinyproxy.conf'), `${config.join('\n')}\n`);
  const program = debianFile('tinyproxy', ['tinyproxy-bin'], 'usr/bin/tinyproxy');
  const child = spawn(program, ['-d', '-c', join(folder, 'tinyproxy.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.on('data', (bytes) => {
    told += bytes;
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`tinyproxy ended: ${told}`);
    return await accepts(port);
  });
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
