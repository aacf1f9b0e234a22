import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { Secret } from '../../../src/core/secret.ts';
import { createHealth, type Probe } from '../../../src/server/ops/health.ts';
import { createMetrics } from '../../../src/server/ops/metrics.ts';
import { operationRoutes } from '../../../src/server/ops/routes.ts';
import { type Certificates, createCertificates } from '../../../src/server/transport/certificates.ts';
import { createHttps, type Route } from '../../../src/server/transport/https.ts';
import { selfSigned, type TestPair, writePair } from '../../support/certificates.ts';
import { testLimits } from '../../support/echo-server.ts';

let folder: string;
let pair: TestPair;
let certificates: Certificates;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-https-'));
  pair = await selfSigned();
  certificates = await createCertificates({ ...(await writePair(folder, pair)), log: silentLogger });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  certificates.close();
  await rm(folder, { recursive: true, force: true });
});

interface Setup {
  readonly limits?: Parameters<typeof testLimits>[0];
  readonly storeOk?: boolean;
  readonly metricsToken?: string;
}

const ECHO: Route = {
  method: 'POST',
  path: '/echo',
  maxBody: 1000,
  handle: async (call) => ({ status: 200, body: await call.body() }),
};
const BROKEN: Route = {
  method: 'GET',
  path: '/broken',
  handle: () => {
    throw new Error('secret detail');
  },
};

async function start({ limits = {}, storeOk = true, metricsToken }: Setup = {}) {
  const registry = createMetrics();
  cleanups.push(() => registry.close());
  const store: Probe = {
    name: 'store',
    essential: true,
    probe: () => (storeOk ? Promise.resolve() : Promise.reject(new Error('no'))),
  };
  const routes = operationRoutes({
    health: createHealth({ probes: [store] }),
    keys: { jwks: async () => ({ keys: [{ kty: 'EC', kid: 'k1' }] }) },
    registry,
    issuer: 'https://fedctl.example:9094',
    metricsToken: metricsToken === undefined ? undefined : new Secret(metricsToken),
  });
  const https = createHttps({
    certificates,
    host: '127.0.0.1',
    port: 0,
    routes: [...routes, ECHO, BROKEN],
    limits: testLimits(limits),
    log: silentLogger,
  });
  cleanups.push(() => https.close());
  return { https, port: await https.listen() };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function call(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const { body, ...rest } = options;
    const sent = request({
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      path,
      ca: pair.cert,
      agent: false,
      ...rest,
    });
    sent.once('error', reject);
    sent.once('response', async (response) => {
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece as Buffer);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces).toString() });
    });
    sent.end(body);
  });
}

describe('operations', () => {
  test('health, readiness, keys and metadata', async () => {
    const { port } = await start();
    expect(await call(port, '/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}\n' });
    const ready = await call(port, '/readyz?verbose');
    expect([ready.status, JSON.parse(ready.body)]).toEqual([
      200,
      { ready: true, components: [{ name: 'store', ok: true, detail: '' }] },
    ]);
    const jwks = await call(port, '/.well-known/jwks.json');
    expect(jwks.headers).toMatchObject({
      'cache-control': 'public, max-age=300',
      'content-type': 'application/jwk-set+json',
    });
    expect(JSON.parse(jwks.body)).toEqual({ keys: [{ kty: 'EC', kid: 'k1' }] });
    const metadata = JSON.parse((await call(port, '/.well-known/oauth-authorization-server')).body);
    expect(metadata).toMatchObject({
      issuer: 'https://fedctl.example:9094',
      jwks_uri: 'https://fedctl.example:9094/.well-known/jwks.json',
    });
  });

  test('not ready is 503, while alive', async () => {
    const { port } = await start({ storeOk: false });
    expect((await call(port, '/readyz')).status).toBe(503);
    expect((await call(port, '/healthz')).status).toBe(200);
  });

  test('T-51: metrics for loopback, not through a proxy there', async () => {
    const { port } = await start();
    expect((await call(port, '/metrics')).body).toContain('fedctl_certificate_days_left');
    expect((await call(port, '/metrics', { headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(401);
  });

  test('T-51: with a token, metrics for who shows it', async () => {
    const { port } = await start({ metricsToken: 'scrape-me' });
    const shown = (authorization: string) => call(port, '/metrics', { headers: { authorization } });
    expect((await call(port, '/metrics')).status).toBe(401);
    expect((await shown('Bearer scrape-you')).status).toBe(401);
    expect((await shown('Bearer scrape-me')).status).toBe(200);
  });
});

describe('the router', () => {
  test('T-42: every answer has the security headers and none is a redirect', async () => {
    const { port } = await start();
    for (const path of ['/healthz', '/metrics', '/nope', '/broken', '//evil.example', '/%2e%2e/etc/passwd']) {
      const { status, headers } = await call(port, path);
      expect([200, 404, 500]).toContain(status);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'cache-control': 'no-store',
      });
      expect(headers.location).toBeUndefined();
    }
  });

  test('unknown paths and methods', async () => {
    const { port } = await start();
    expect(await call(port, '/nope')).toMatchObject({ status: 404, body: '{"error":"not_found"}\n' });
    const refused = await call(port, '/healthz', { method: 'DELETE' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD']);
    const head = await call(port, '/healthz', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '16', '']);
  });

  test('a failure says nothing of its cause', async () => {
    const { port } = await start();
    expect(await call(port, '/broken')).toMatchObject({ status: 500, body: '{"error":"internal_error"}\n' });
  });

  test('bodies and headers are bounded', async () => {
    const { port } = await start();
    expect((await call(port, '/echo', { method: 'POST', body: 'x'.repeat(1000) })).body).toHaveLength(1000);
    expect((await call(port, '/echo', { method: 'POST', body: 'x'.repeat(1001) })).status).toBe(413);
    const large = call(port, '/healthz', { headers: { 'x-large': 'x'.repeat(17_000) } });
    await expect(large).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
  });
});

describe('T-28: slow and many connections', () => {
  test('a handshake that does not come is cut, as is plain HTTP', async () => {
    const { port } = await start({ limits: { handshake: 200 } });
    for (const first of ['', 'GET /healthz HTTP/1.1\r\n\r\n']) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      socket.resume().write(first);
      await new Promise((done) => socket.once('close', done));
    }
  });

  test('headers that drip in are cut', async () => {
    const { port } = await start({ limits: { handshake: 300 } });
    const socket = connectTls({ host: '127.0.0.1', servername: 'localhost', port, ca: pair.cert });
    socket
      .on('error', () => {})
      .resume()
      .write('GET /healthz HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 50);
    cleanups.push(() => clearInterval(drip));
    await new Promise((done) => socket.once('close', done));
  });

  test('TL-01: TLS 1.1 is refused', async () => {
    const { port } = await start();
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      ca: pair.cert,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    });
    const error = await new Promise<NodeJS.ErrnoException>((done) => socket.once('error', done));
    expect(error.code).toMatch(/PROTOCOL_VERSION/);
  });

  test('connections in all are bounded', async () => {
    const { port } = await start({ limits: { connections: 2 } });
    const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(sockets.map((socket) => new Promise((done) => socket.once('connect', done))));
    await expect(call(port, '/healthz')).rejects.toMatchObject({ code: 'ECONNRESET' });
    for (const socket of sockets) socket.destroy();
  });
});

test('drain lets an open request end and closes the port', async () => {
  const { https, port } = await start();
  expect((await call(port, '/healthz')).status).toBe(200);
  await https.drain(1000);
  await expect(call(port, '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
