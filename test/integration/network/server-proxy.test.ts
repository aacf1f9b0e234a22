import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { connect, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseProxy } from '../../../src/core/proxy.ts';
import { Secret } from '../../../src/core/secret.ts';
import { publicLookup } from '../../../src/server/identity/private-networks.ts';
import { createTransport, type TransportOptions } from '../../../src/server/identity/transport.ts';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { startProxy } from '../../support/proxy.ts';
import { can, openAccess, person, run } from '../access/fixture.ts';

/** Known to proxies alone. */
const NAME = 'inside.example';
const LOGIN = 'server:canary-4711';
const closing: (() => unknown)[] = [];
let folder: string;
let pair: TestPair;
let ca: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-network-'));
  pair = await selfSigned({ names: [NAME] });
  ca = join(folder, 'ca.pem');
  writeFileSync(ca, pair.cert);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function proxied(login?: string) {
  const proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' }, ...(login === undefined ? {} : { login }) });
  closing.push(() => proxy.stop());
  const named = parseProxy(`http://127.0.0.1:${proxy.port}`, '[test] proxy', login ? new Secret(login) : undefined);
  return { proxy, named };
}

describe('an identity provider', () => {
  let server: Server;
  let port: number;

  beforeAll(async () => {
    server = createServer(pair, (_request, response) => void response.end('{"keys":[{"kty":"OKP"}]}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => void server.close());

  function transport(options: TransportOptions) {
    const made = createTransport({ caFile: ca, ...options });
    closing.unshift(() => made.close());
    return made;
  }

  test('is asked through its proxy, with the login of that', async () => {
    const { proxy, named } = await proxied(LOGIN);
    const keys = await transport({ proxy: named }).readKeys(`https://${NAME}:${port}/keys`);
    expect(keys.keys).toHaveLength(1);
    expect(proxy.asked).toEqual([`${NAME}:${port}`]);
    expect(proxy.sent().toString('latin1')).not.toContain('/keys');
  });

  test.each([
    ['server/identity/transport.ts', (at: string) => `createTransport({}).readKeys('${at}')`],
    ['client/web.ts', (at: string) => `fetchWeb('${at}', { env: {} })`],
  ])('T-20: is never talked to unverified, whatever NODE_TLS_REJECT_UNAUTHORIZED says: %s', async (file, question) => {
    // Node reads the variable of its process, so it takes one of its own.
    const source = join(import.meta.dirname, '../../../src', file);
    const asked = question(`https://127.0.0.1:${port}/keys`);
    const [name = ''] = asked.split('(');
    const script = `const { ${name} } = await import(${JSON.stringify(source)});
      await ${asked}.then(() => console.log('talked'), (error) => console.log(error.cause?.code ?? error.message));
      process.exit();`;
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
    expect(stdout.trim()).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  test('trusts the authorities that SSL_CERT_FILE names, where it has no ca of its own', async () => {
    const { named } = await proxied();
    const keysAt = `https://${NAME}:${port}/keys`;
    const strange = createTransport({ proxy: named });
    closing.unshift(() => strange.close());
    await expect(strange.readKeys(keysAt)).rejects.toThrow();
    process.env.SSL_CERT_FILE = ca;
    closing.unshift(() => delete process.env.SSL_CERT_FILE);
    const trusting = createTransport({ proxy: named });
    closing.unshift(() => trusting.close());
    expect((await trusting.readKeys(keysAt)).keys).toHaveLength(1);
  });

  test('SEC-01: a proxy that refuses leaves no login in the error', async () => {
    const { named } = await proxied('another:login');
    const wrong = { ...named, authorization: parseProxy('http://x:1', 'test', new Secret(LOGIN)).authorization };
    const failure = await transport({ proxy: wrong })
      .readKeys(`https://${NAME}:${port}/keys`)
      .catch((error) => error);
    expect(inspect(failure, { depth: 10 })).not.toMatch(new RegExp(`canary|${Buffer.from(LOGIN).toString('base64')}`));
  });

  test('proxies of the environment are not used', async () => {
    const { proxy } = await proxied();
    process.env.HTTPS_PROXY = `http://127.0.0.1:${proxy.port}`;
    try {
      await expect(transport({}).readKeys(`https://${NAME}:${port}/keys`)).rejects.toThrow();
    } finally {
      delete process.env.HTTPS_PROXY;
    }
    expect(proxy.asked).toEqual([]);
  });

  test.each([
    'https://10.0.0.1/keys',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00::1]/keys',
    'https://[::ffff:10.0.0.1]/keys',
    'https://0.0.0.0/keys',
    'https://127.0.0.1/keys',
    'https://localhost/keys',
  ])('MD-02: metadata that point at %s are not followed', async (url) => {
    const made = transport({ origins: ['https://idp.example.com'] });
    await expect(made.readKeys(url)).rejects.toThrow('private network');
  });

  test('MD-02: a name that leads to a private address is refused where it is looked up', async () => {
    const connecting = (look: { lookup?: LookupFunction }) =>
      new Promise((resolve) => {
        const socket = connect({ host: 'localhost', port, ...look });
        socket.once('error', resolve).once('connect', () => resolve('connected'));
        socket.once('connect', () => socket.destroy());
      });
    expect(await connecting({})).toBe('connected');
    expect(await connecting({ lookup: publicLookup })).toMatchObject({ code: 'PRIVATE_ADDRESS' });
  });

  test('MD-02: what an administrator named may be private', async () => {
    const origin = `https://localhost:${port}`;
    expect((await transport({ origins: [origin] }).readKeys(`${origin}/keys`)).keys).toHaveLength(1);
  });
});

describe('OpenFGA with TLS, a private authority and a preshared key', () => {
  const KEY = 'preshared-canary-4711';
  let fga: TestOpenFga;

  beforeAll(async () => {
    writeFileSync(join(folder, 'tls.key'), pair.key, { mode: 0o600 });
    fga = await startOpenFga({
      tls: { ca, certificate: ca, key: join(folder, 'tls.key') },
      flags: ['--authn-method', 'preshared', '--authn-preshared-keys', KEY],
    });
  }, 60_000);
  afterAll(() => fga?.close());

  test('decides through a proxy, which sees neither the key nor a question', async () => {
    const { proxy, named } = await proxied(LOGIN);
    const { port } = new URL(fga.url);
    const options = { apiToken: new Secret(KEY), caFile: ca, proxy: named };
    const fixture = await openAccess({ url: `https://${NAME}:${port}` }, options);
    try {
      await fixture.access.probe();
      expect(await can(fixture.access, person('alice'), 'can_stop', run(1n, 'alice'))).toBe(true);
      expect(await can(fixture.access, person('bob'), 'can_stop', run(1n, 'alice'))).toBe(false);
    } finally {
      await fixture.close();
    }
    expect(new Set(proxy.asked)).toEqual(new Set([`${NAME}:${port}`]));
    expect(proxy.sent().toString('latin1')).not.toMatch(/canary|can_stop/);
  });

  test('axios takes no proxy from the environment either', async () => {
    const { proxy } = await proxied();
    Object.assign(process.env, { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: '' });
    const fixture = await openAccess(
      { url: fga.url.replace('127.0.0.1', 'localhost') },
      { apiToken: new Secret(KEY), caFile: ca },
    );
    try {
      await fixture.access.probe();
    } finally {
      await fixture.close();
      delete process.env.HTTPS_PROXY;
      delete process.env.NO_PROXY;
    }
    expect(proxy.asked).toEqual([]);
  });
});
