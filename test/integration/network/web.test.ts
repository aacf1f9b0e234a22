import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fetchWeb } from '../../../src/client/web.ts';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';

/** Known to the proxy alone. */
const NAME = 'idp.example';
let folder: string;
let pair: TestPair;
let server: Server;
let proxy: TestProxy;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-web-'));
  pair = await selfSigned({ names: [NAME] });
  writeFileSync(join(folder, 'ca.pem'), pair.cert);
  server = createServer(pair, (request, response) => void response.end(`for ${request.headers.authorization}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `https://${NAME}:${(server.address() as { port: number }).port}/token`;
  proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' }, login: 'ann:canary-4711' });
});
afterAll(async () => {
  await proxy?.stop();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const through = (login: string) => ({ HTTPS_PROXY: `http://${login}127.0.0.1:${proxy.port}` });
const headers = { authorization: 'Bearer secret-of-the-test' };

test('an identity provider is asked through the proxy; the proxy sees no secret', async () => {
  const answer = await fetchWeb(address, { headers, ca: pair.cert, env: through('ann:canary-4711@') });
  expect(answer).toMatchObject({ status: 200, body: 'for Bearer secret-of-the-test' });
  expect(proxy.asked).toEqual([new URL(address).host]);
  expect(proxy.sent().toString('latin1')).not.toContain('secret-of-the-test');
});

test('SSL_CERT_FILE is trusted here, too', async () => {
  const env = { ...through('ann:canary-4711@'), SSL_CERT_FILE: join(folder, 'ca.pem') };
  expect((await fetchWeb(address, { headers, env })).status).toBe(200);
  await expect(fetchWeb(address, { headers, env: through('ann:canary-4711@') })).rejects.toThrow();
});

test('SEC-01: a proxy that refuses leaves no password and no token in the error', async () => {
  const failure = await fetchWeb(address, { headers, ca: pair.cert, env: through('bob:canary-4711@') }).catch(
    (error) => error,
  );
  const encoded = Buffer.from('bob:canary-4711').toString('base64');
  expect(inspect(failure, { depth: 10 })).not.toMatch(new RegExp(`canary|${encoded}|secret-of-the-test`));
});
