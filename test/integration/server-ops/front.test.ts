import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../src/core/log.ts';
import { type Certificates, createCertificates } from '../../../src/server/transport/certificates.ts';
import { selfSigned, type TestPair, writePair } from '../../support/certificates.ts';
import { type EchoServer, echoClient, startEchoServer, until } from '../../support/echo-server.ts';
import { rawHttp2, resetCall } from '../../support/raw-http2.ts';

let folder: string;
let pair: TestPair;
let certificates: Certificates;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-front-'));
  pair = await selfSigned();
  certificates = await createCertificates({ ...(await writePair(folder, pair)), log: silentLogger });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  certificates.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(limits: Parameters<typeof startEchoServer>[0]['limits'] = {}): Promise<EchoServer> {
  const server = await startEchoServer({ certificates, limits });
  cleanups.push(() => server.stop());
  return server;
}

function client(port: number, ca: string = pair.cert) {
  const made = echoClient(port, ca);
  cleanups.push(() => made.close());
  return made;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.on('error', () => {}).once('close', () => resolve());
  });
}

/** Outcome of a TLS handshake: the version, or the error's code. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', servername: 'localhost', port, ca: pair.cert, ...options });
    socket.once('secureConnect', () => {
      resolve(`${socket.getProtocol()}`);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function h2(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, { ca: pair.cert });
  cleanups.push(() => session.destroy());
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.once('connect', () => resolve(session));
  });
}

describe('TLS', () => {
  test('TL-01: 1.3 and 1.2 are spoken, 1.1 is refused', async () => {
    const { port } = await start();
    expect(await handshake(port, { ALPNProtocols: ['h2'] })).toBe('TLSv1.3');
    expect(await handshake(port, { ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    const old: ConnectionOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' };
    expect(await handshake(port, { ALPNProtocols: ['h2'], ...old })).toMatch(/PROTOCOL_VERSION/);
  });

  test('TL-01: weak ciphers, another protocol and plaintext are refused', async () => {
    const { port } = await start();
    const cbc: ConnectionOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:AES128-SHA' };
    expect(await handshake(port, { ALPNProtocols: ['h2'], ...cbc })).toMatch(/HANDSHAKE_FAILURE/);
    expect(await handshake(port, { ALPNProtocols: ['http/1.1'] })).toMatch(/NO_APPLICATION_PROTOCOL|ALERT/);
    const plain = echoClient(port, undefined);
    cleanups.push(() => plain.close());
    await expect(plain.say('hello')).rejects.toMatchObject({ code: 14 });
  });

  test('F-38: a new certificate is for new connections, the old ones live on', async () => {
    const server = await start();
    const before = client(server.port);
    expect(await before.say('one')).toBe('one');
    const next = await selfSigned({ cn: 'next' });
    await writePair(folder, next);
    await until(() => certificates.current().cert.toString() === next.cert);
    expect(await before.say('two')).toBe('two');
    expect(await client(server.port, next.cert).say('three')).toBe('three');
    await expect(client(server.port, pair.cert).say('four')).rejects.toMatchObject({ code: 14 });
  });
});

describe('T-28: connections', () => {
  test('sockets that are silent or drip bytes are dropped at the handshake deadline', async () => {
    const server = await start({ handshake: 300 });
    const sockets = Array.from({ length: 40 }, () => connect(server.port, '127.0.0.1'));
    const drip = setInterval(() => sockets[0]?.write('\x16'), 50);
    cleanups.push(() => clearInterval(drip));
    expect(await client(server.port).say('beside them')).toBe('beside them');
    await Promise.all(sockets.map(closed));
  });

  test('one address has a bound, and its slots come back', async () => {
    const server = await start({ connectionsPerAddress: 3 });
    const sockets = Array.from({ length: 3 }, () => connect(server.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((done) => socket.once('connect', done))));
    await closed(connect(server.port, '127.0.0.1'));
    expect(sockets.map((socket) => socket.closed)).toEqual([false, false, false]);
    for (const socket of sockets) socket.destroy();
    const good = client(server.port);
    await until(() =>
      good.say('x').then(
        () => true,
        () => false,
      ),
    );
  });

  test('idle connections are closed', async () => {
    const server = await start({ idle: 200 });
    const session = await h2(server.port);
    await new Promise((done) => session.once('close', done));
  });

  test('a connection is told to go at its age, and the call under way still ends well', async () => {
    const server = await start({ age: 300 });
    const old = client(server.port);
    const answer = old.wait('still here');
    await until(() => server.waiting() === 1);
    const session = await h2(server.port);
    await new Promise((done) => session.once('goaway', done));
    server.release();
    expect(await answer).toBe('still here');
    expect(await old.say('on a new connection')).toBe('on a new connection');
  });
});

describe('T-29: HTTP/2 abuse', () => {
  test('more streams than allowed are refused', async () => {
    const server = await start({ concurrentStreams: 5 });
    const session = await h2(server.port);
    await until(() => session.remoteSettings.maxConcurrentStreams === 5);
  });

  test('a rapid reset flood is cut off and a good client keeps working', async () => {
    const server = await start();
    const good = client(server.port);
    expect(await good.say('before')).toBe('before');
    const flood = await rawHttp2(server.port, pair.cert);
    cleanups.push(() => flood.destroy());
    const ended = closed(flood);
    let calls = 0;
    while (!flood.closed && !flood.destroyed && calls < 50_000) {
      const burst = Array.from({ length: 500 }, (_, i) => resetCall(2 * (calls + i) + 1, '/test.Echo/Say'));
      flood.resume().write(Buffer.concat(burst));
      calls += burst.length;
      await new Promise((done) => setImmediate(done));
    }
    await ended;
    expect(calls).toBeLessThan(50_000);
    expect(await good.say('after')).toBe('after');
  });
});

describe('drain', () => {
  test('F-28: calls under way end, new ones are refused, then the port is closed', async () => {
    const server = await start();
    const caller = client(server.port);
    const answer = caller.wait('slow');
    await until(() => server.waiting() === 1);
    const drained = server.front.drain(5000);
    await expect(client(server.port).say('late')).rejects.toMatchObject({ code: 14 });
    server.release();
    expect(await answer).toBe('slow');
    await drained;
  });

  test('calls that do not end are cut after the grace time', async () => {
    const server = await start();
    const answer = client(server.port)
      .wait('for ever')
      .catch((error: { code: number }) => error.code);
    await until(() => server.waiting() === 1);
    await server.front.drain(100);
    expect([1, 13, 14]).toContain(await answer);
  });

  test('close cuts everything at once', async () => {
    const server = await start();
    const silent = connect(server.port, '127.0.0.1');
    await new Promise((done) => silent.once('connect', done));
    await server.front.close();
    await closed(silent);
  });
});
