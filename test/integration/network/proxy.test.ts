import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../../src/client/channel.ts';
import { probe } from '../../../src/client/probe.ts';
import { callUnary } from '../../../src/client/unary.ts';
import { type ForwardProxy, parseProxy, proxyFor } from '../../../src/core/proxy.ts';
import { openPeer } from '../../../src/flower/http-exchange.ts';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { startControlFake } from '../../support/control-fake.ts';
import { type ProxyOptions, startProxy, startTinyproxy } from '../../support/proxy.ts';

/** Known to the proxy alone. */
const NAME = 'fedctl.example';
const folder = mkdtempSync(join(tmpdir(), 'fedctl-network-'));
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function behindProxy(options: ProxyOptions = {}) {
  const tls = await selfSigned({ names: [NAME] });
  const fake = await startControlFake({ tls });
  const proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' }, ...options });
  closing.push(
    () => fake.kill(),
    () => proxy.stop(),
  );
  return { tls, fake, proxy, address: `${NAME}:${fake.port}` };
}

function endpointThrough(url: string, address: string, tls: TestPair) {
  const [host = '', port] = address.split(':');
  const proxy = proxyFor({ host, port: Number(port) }, { HTTPS_PROXY: url }) as ForwardProxy;
  return { address, rootCertificates: Buffer.from(tls.cert), insecure: false, proxy };
}

function info(endpoint: Parameters<typeof connect>[0]) {
  const client: Client = connect(endpoint, { userAgent: 'test' });
  closing.unshift(() => client.close());
  return callUnary(client, client.sessions.getServerInfo.bind(client.sessions), { probe: false });
}

/** Runs with other variables; those of the machine come back after. */
async function trusting(env: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('without root-certificates', () => {
  test.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_DIR'])(
    'a server under an authority of %s is trusted',
    async (name) => {
      const tls = await selfSigned();
      const fake = await startControlFake({ tls });
      closing.push(() => fake.kill());
      const endpoint = { address: `localhost:${fake.port}`, rootCertificates: undefined, insecure: false };
      await expect(info(endpoint)).rejects.toMatchObject({ reason: 'CERTIFICATE_UNTRUSTED' });
      const place = mkdtempSync(join(folder, 'trust-'));
      writeFileSync(join(place, 'ca.pem'), tls.cert);
      await trusting({ [name]: name === 'SSL_CERT_DIR' ? place : join(place, 'ca.pem') }, async () => {
        expect((await info(endpoint)).version).not.toBe('');
        expect(await probe(endpoint)).toMatchObject({ kind: 'healthy' });
      });
      await trusting({ [name]: join(place, 'gone') }, async () => {
        expect(() => connect(endpoint, { userAgent: 'test' })).toThrow(
          expect.objectContaining({ reason: 'TRUST_STORE_UNREADABLE' }),
        );
      });
    },
  );

  test('root-certificates of the connection stand for all of them', async () => {
    const [tls, other] = [await selfSigned(), await selfSigned()];
    const fake = await startControlFake({ tls });
    closing.push(() => fake.kill());
    const file = join(folder, 'server-ca.pem');
    writeFileSync(file, tls.cert);
    await trusting({ SSL_CERT_FILE: file }, async () => {
      const endpoint = {
        address: `localhost:${fake.port}`,
        rootCertificates: Buffer.from(other.cert),
        insecure: false,
      };
      await expect(info(endpoint)).rejects.toMatchObject({ reason: 'CERTIFICATE_UNTRUSTED' });
    });
  });
});

describe('gRPC through a proxy', () => {
  test('CONNECT with the name, TLS to the server itself: the proxy sees no word of a call', async () => {
    const { tls, proxy, address } = await behindProxy();
    const answer = await info(endpointThrough(`http://127.0.0.1:${proxy.port}`, address, tls));
    expect(answer.version).not.toBe('');
    expect(proxy.asked).toEqual([address]);
    expect(proxy.sent().length).toBeGreaterThan(100);
    expect(proxy.sent().toString('latin1')).not.toMatch(/GetServerInfo|PRI \* HTTP/);
  });

  test('with a user name and password from its URL', async () => {
    const { tls, proxy, address } = await behindProxy({ login: 'ann:p@ss' });
    await info(endpointThrough(`http://ann:p%40ss@127.0.0.1:${proxy.port}`, address, tls));
    expect(proxy.asked).toEqual([address]);
  });

  test("T-20: the certificate is judged by the server's name, not by the proxy's", async () => {
    const { proxy, fake, tls } = await behindProxy({ hosts: { 'other.example': '127.0.0.1' } });
    const endpoint = endpointThrough(`http://127.0.0.1:${proxy.port}`, `other.example:${fake.port}`, tls);
    await expect(info(endpoint)).rejects.toMatchObject({
      reason: 'CERTIFICATE_WRONG_NAME',
      message: expect.stringContaining('but for localhost, 127.0.0.1, fedctl.example'),
    });
  });

  test('a proxy that speaks TLS itself, under an authority that SSL_CERT_FILE names', async () => {
    const front = await selfSigned();
    const { tls, proxy, address } = await behindProxy({ tls: front, login: 'ann:x' });
    const endpoint = endpointThrough(`https://ann:x@localhost:${proxy.port}`, address, tls);
    await expect(info(endpoint)).rejects.toMatchObject({ reason: 'PROXY_UNTRUSTED' });
    const file = join(folder, 'proxy-ca.pem');
    writeFileSync(file, front.cert);
    await trusting({ SSL_CERT_FILE: file }, async () => {
      expect((await info(endpoint)).version).not.toBe('');
    });
    expect(proxy.asked).toEqual([address]);
  });

  test('through tinyproxy, with its login', async () => {
    const { tls, fake } = await behindProxy();
    const tiny = await startTinyproxy('ann:secret');
    closing.push(() => tiny.stop());
    const through = (login: string) => ({
      address: `localhost:${fake.port}`,
      rootCertificates: Buffer.from(tls.cert),
      insecure: false,
      proxy: parseProxy(`http://${login}127.0.0.1:${tiny.port}`, 'HTTPS_PROXY'),
    });
    expect((await info(through('ann:secret@'))).version).not.toBe('');
    await expect(info(through(''))).rejects.toMatchObject({ reason: 'PROXY_LOGIN' });
    await expect(info(through('ann:other@'))).rejects.toMatchObject({ reason: expect.stringMatching(/^PROXY_/) });
    await expect(info({ ...through('ann:secret@'), address: 'localhost:1' })).rejects.toMatchObject({
      reason: 'PROXY_NO_ROUTE',
    });
  });

  test('a lost tunnel is dug again', async () => {
    const { tls, proxy, address } = await behindProxy();
    const endpoint = endpointThrough(`http://127.0.0.1:${proxy.port}`, address, tls);
    const client = connect(endpoint, { userAgent: 'test' });
    closing.unshift(() => client.close());
    const ask = () => callUnary(client, client.sessions.getServerInfo.bind(client.sessions), { probe: false });
    await ask();
    proxy.cut();
    await ask();
    expect(proxy.asked).toEqual([address, address]);
  });
});

describe('what is wrong with a proxy is told', () => {
  test.each([
    ['it wants a login', { login: 'ann:secret' }, '', 'PROXY_LOGIN', 'wants a user name'],
    ['another login', { login: 'ann:secret' }, 'ann:canary@', 'PROXY_LOGIN', 'does not accept'],
    ['it refuses', { refuse: 403 }, '', 'PROXY_REFUSED', 'status 403'],
    ['it finds no server', { hosts: { [NAME]: '127.0.0.1:1' } }, '', 'PROXY_NO_ROUTE', 'status 502'],
  ])('%s', async (_what, options, login, reason, text) => {
    const { tls, proxy, address } = await behindProxy(options);
    const endpoint = endpointThrough(`http://${login}127.0.0.1:${proxy.port}`, address, tls);
    const failure = await info(endpoint).catch((error) => error);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', reason, message: expect.stringContaining(text) });
    expect(`${failure.message}${failure.hint}`).not.toContain('canary');
  });

  test('nothing listens there; something listens there that is no proxy', async () => {
    const { tls, fake, address } = await behindProxy();
    const gone = endpointThrough('http://127.0.0.1:1', address, tls);
    await expect(info(gone)).rejects.toMatchObject({ reason: 'PROXY_UNREACHABLE' });
    expect(await probe(gone)).toMatchObject({ kind: 'proxy', failure: { reason: 'PROXY_UNREACHABLE' } });
    // A TLS port, spoken to in the clear.
    const foreign = endpointThrough(`http://127.0.0.1:${fake.port}`, address, tls);
    await expect(info(foreign)).rejects.toMatchObject({
      reason: expect.stringMatching(/^PROXY_(FOREIGN|UNREACHABLE)$/),
    });
  });
});

describe('HTTP of a SuperLink through a proxy', () => {
  test('an https request goes through the tunnel, and is kept alive there', async () => {
    const { createServer } = await import('node:https');
    const tls = await selfSigned({ names: [NAME] });
    const server = createServer(tls, (_request, response) => void response.end('well'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' } });
    closing.push(
      () => proxy.stop(),
      () => server.close(),
    );
    const address = `${NAME}:${(server.address() as { port: number }).port}`;
    const peer = openPeer(endpointThrough(`http://127.0.0.1:${proxy.port}`, address, tls), {});
    closing.unshift(() => peer.close());
    const post = { path: '/', headers: {}, body: Buffer.alloc(0), connectMs: 3_000, headMs: 3_000, wholeMs: 3_000 };
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await peer.post({ ...post, signal: undefined, repeatable: true });
      expect(Buffer.concat(await answer.toArray()).toString()).toBe('well');
    }
    expect(proxy.asked).toEqual([address]);
  });
});
