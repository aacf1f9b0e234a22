import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { type DevCertificates, prepareCertificates } from '../../../src/dev/ca.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { can, openAccess, person, run } from './fixture.ts';

const KEY = 'key-of-the-test-4711';
let folder: string;
let certificates: DevCertificates;
let fga: TestOpenFga;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-access-'));
  certificates = await prepareCertificates({ folder, now: Date.now() });
  fga = await startOpenFga({
    tls: certificates,
    flags: ['--authn-method', 'preshared', '--authn-preshared-keys', KEY],
  });
}, 60_000);
afterAll(async () => {
  await fga?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function probe(options: { apiToken?: Secret; caFile?: string }): Promise<unknown> {
  const fixture = await openAccess(fga, options);
  try {
    await fixture.access.probe();
    return (await can(fixture.access, person('alice'), 'can_stop', run(1n, 'alice'))) ? 'allowed' : 'denied';
  } catch (error) {
    return error;
  } finally {
    await fixture.close();
  }
}

describe('an OpenFGA with TLS and an API token', () => {
  test('is used with its CA and the token', async () => {
    expect(await probe({ apiToken: new Secret(KEY), caFile: certificates.ca })).toBe('allowed');
  });

  test.each([
    ['no CA', () => ({ apiToken: new Secret(KEY) })],
    ['no token', () => ({ caFile: certificates.ca })],
    ['a wrong token', () => ({ apiToken: new Secret('wrong-token'), caFile: certificates.ca })],
  ])('with %s leads to no decision, and the token to no error', async (_, options) => {
    const error = await probe(options());
    expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'AUTHORIZATION_UNAVAILABLE' });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/key-of-the-test|wrong-token/);
  });
});

test('a redirect does not take the token elsewhere', async () => {
  const seen: (string | undefined)[] = [];
  const thief = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end('{}');
  }).listen(0, '127.0.0.1');
  const redirecting = createServer((_, response) => {
    const { port } = thief.address() as { port: number };
    response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => redirecting.once('listening', resolve));
  const { port } = redirecting.address() as { port: number };
  const fixture = await openAccess({ url: `http://127.0.0.1:${port}` }, { apiToken: new Secret(KEY) });
  await expect(fixture.access.probe()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(seen).toEqual([]);
  await fixture.close();
  thief.close();
  redirecting.close();
});
