import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isLoopback } from '../../../src/core/addresses.ts';
import { isPrivate } from '../../../src/core/private-addresses.ts';
import { probeBorder } from '../../../src/server/engine/border.ts';

let server: Server;

async function listen(host: string): Promise<number> {
  server = createServer((socket) => socket.destroy()).listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('the border of an engine', () => {
  beforeEach(() => {
    server = createServer();
  });
  afterEach(() => {
    server.close();
  });

  // 127.0.0.2 plays another interface of this host: Linux answers on all of 127/8 for a wildcard bind only.
  const other = {
    localAddresses: () => ['127.0.0.1', '127.0.0.2'],
    isLoopbackAddress: (host: string) => host === '127.0.0.1',
  };

  test('bound to loopback only: fine', async () => {
    const port = await listen('127.0.0.1');
    const health = await probeBorder({ name: 'main', address: `127.0.0.1:${port}`, insecure: true, ...other });
    expect(health).toEqual({ name: 'engine-border', ok: true, detail: '' });
  });

  test('bound to every address: told with the address and what to do', async () => {
    const port = await listen('0.0.0.0');
    const health = await probeBorder({ name: 'main', address: `127.0.0.1:${port}`, insecure: true, ...other });
    expect(health).toMatchObject({ name: 'engine-border', ok: false });
    expect(health.detail).toContain(`127.0.0.2 port ${port}`);
    expect(health.detail).toContain('Bind it to 127.0.0.1');
  });

  test('another program on the same port of another address, such as a path gate: fine', async () => {
    server.close();
    const gate = createHttpServer((_, response) => response.writeHead(403, { 'content-type': 'text/html' }).end('no'));
    server = gate.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const health = await probeBorder({ name: 'main', address: `127.0.0.1:${port}`, insecure: true, ...other });
    expect(health).toEqual({ name: 'engine-border', ok: true, detail: '' });
  });

  test('a SuperLink over HTTP on every address: told, with the way in for SuperNodes', async () => {
    server.close();
    const link = createHttpServer((_, response) =>
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ code: 16, detail: 'Run ID not found.' })),
    );
    server = link.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const health = await probeBorder({ name: 'main', address: `127.0.0.1:${port}`, insecure: true, ...other });
    expect(health.ok).toBe(false);
    expect(health.detail).toContain('--host');
    expect(health.detail).toContain('nginx-engine-gate.conf');
  });

  test('plaintext on a public address: told; with TLS not', async () => {
    const options = { name: 'main', address: '192.0.2.7:9093', localAddresses: () => [] };
    await expect(probeBorder({ ...options, insecure: true })).resolves.toMatchObject({ ok: false });
    await expect(probeBorder(options)).resolves.toMatchObject({ ok: true });
    await expect(probeBorder({ ...options, address: '[2001:db8::1]:9093', insecure: true })).resolves.toMatchObject({
      ok: false,
    });
    await expect(probeBorder({ ...options, address: '10.0.0.7:9093', insecure: true })).resolves.toMatchObject({
      ok: true,
    });
  });
});

test('which addresses are loopback, private, public', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost'])
    expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ['10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.1.1', 'fd00::1', 'fe80::1', 'engine']) {
    expect([host, isPrivate(host), isLoopback(host)]).toEqual([host, true, false]);
  }
  for (const host of ['8.8.8.8', '172.32.0.1', '2001:db8::1', 'engine.example.org']) {
    expect([host, isPrivate(host), isLoopback(host)]).toEqual([host, false, false]);
  }
});
