import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { selfSigned, writePair } from '../../support/certificates.ts';
import { type Changes, tryControlPlane } from '../../support/control-plane.ts';
import type { Person } from '../../support/people.ts';
import { expectFailure } from './failure.ts';
import { type Stage, setStage } from './stage.ts';

const DAY_MS = 86_400_000;
let stage: Stage;
let alice: Person;
beforeAll(async () => {
  stage = await setStage();
  alice = stage.people.person('alice');
}, 60_000);
afterEach(() => stage.silence());
afterAll(() => stage?.close(), 30_000);

describe('server start refuses a configuration, by line and name, and with exit code 1', () => {
  const CASES: readonly (readonly [string, Changes, RegExp])[] = [
    ['an unknown key', { server: { 'tls-crt': 'x' } }, /toml:\d+: \[server\] tls-crt is no setting.*tls-cert/],
    ['an unknown table', { sever: { a: 1 } }, /toml:\d+: \[sever\] is no table of this file.*\[server\]/],
    ['a bad value', { tokens: { access: '1s' } }, /toml:\d+: \[tokens\] access must be between 10s and 1h/],
    ['another type', { limits: { connections: 'many' } }, /toml:\d+: \[limits\] connections must be a whole number/],
    ['no identity provider', { oidc: undefined }, /no \[\[oidc\]\] table: at least one is required/],
    ['no OpenFGA', { openfga: undefined }, /\[openfga\] url is missing/],
    [
      'no certificate',
      { server: { 'tls-cert': undefined } },
      /\[server\] tls-cert is missing: the server speaks TLS only/,
    ],
    ['a certificate that is not there', { server: { 'tls-cert': 'no.pem' } }, /\[server\] tls-cert names .*no\.pem/],
    [
      'plaintext beyond loopback',
      { server: { plaintext: true, 'grpc-address': '0.0.0.0:9093' } },
      /grpc-address must be a loopback address while plaintext = true/,
    ],
    [
      'an engine without address',
      { engine: { kind: 'flower-grpc', address: undefined } },
      /\[engine\] address is missing/,
    ],
  ];

  test.each(CASES)('%s', async (_name, changes, message) => {
    const { code, told, log } = await tryControlPlane({ config: stage.configure('bad', changes) });
    expect({ code, log }).toEqual({ code: 1, log: '' });
    expect(told).toMatch(/^Error: [^\n]+\n( {2}[^\n]+\n)*([^\n]+\n)?$/);
    expect(told).toMatch(message);
  });

  test('a file that is no TOML, and one that is not there', async () => {
    const broken = join(stage.folder, 'broken.toml');
    writeFileSync(broken, `${readFileSync(stage.config, 'utf8')}\n[tokens\n`, { mode: 0o600 });
    expect(await tryControlPlane({ config: broken })).toMatchObject({
      code: 1,
      told: expect.stringMatching(/^Error: .*broken\.toml:\d+: is not TOML: .*\n/),
    });
    expect(await tryControlPlane({ config: join(stage.folder, 'none.toml') })).toMatchObject({
      code: 5,
      told: `Error: There is no file ${join(stage.folder, 'none.toml')}.\nMake one with: fedctl server init\n`,
    });
  });

  test('a certificate that has expired', async () => {
    const pair = await writePair(stage.folder, await selfSigned({ from: -40 * DAY_MS, days: 30 }));
    const server = { 'tls-cert': pair.certFile, 'tls-key': pair.keyFile };
    const { code, told } = await tryControlPlane({ config: stage.configure('expired', { server }) });
    expect(code).toBe(1);
    expect(told).toMatch(/^Error: .*expired\.toml:\d+: \[server\] tls-cert can't be used: .*expired on .*\n/);
  });

  test('a port that somebody else has', async () => {
    await stage.serve();
    expect(await tryControlPlane({ config: stage.config })).toMatchObject({
      code: 1,
      told: expect.stringMatching(/^Error: Can't listen on 127\.0\.0\.1:\d+: it is in use by another program\.\n$/),
    });
  });
});

describe('T-20: a server that is not to be trusted: exit code 6, the reason, and no login sent', () => {
  /** Somebody whose project trusts `ca`. */
  function visitor(name: string, lines: readonly string[]): Person {
    const folder = join(alice.home, name);
    mkdirSync(folder);
    const table = ['[tool.flwr.federations.here]', `address = "${stage.facts.address}"`, ...lines];
    writeFileSync(join(folder, 'pyproject.toml'), `${table.join('\n')}\n`);
    return alice.at(folder);
  }

  test('the certificate of another authority', async () => {
    const { certFile, keyFile } = await writePair(stage.folder, await selfSigned());
    await stage.serve({ changes: { server: { 'tls-cert': certFile, 'tls-key': keyFile } } });
    const person = visitor('foreign', [`root-certificates = "${stage.facts.ca}"`]);
    expect(await expectFailure(person, 6, 'login')).toMatchObject({ code: 'CERTIFICATE_UNTRUSTED' });
  });

  test('a plaintext port where TLS is expected, and the other way round', async () => {
    await stage.serve({ changes: { server: { plaintext: true } } });
    const person = visitor('plain', [`root-certificates = "${stage.facts.ca}"`]);
    expect(await expectFailure(person, 6, 'login')).toMatchObject({ code: 'SERVER_PLAINTEXT' });
    await stage.silence();
    await stage.serve();
    const insecure = visitor('insecure', ['insecure = true']);
    expect(await expectFailure(insecure, 1, 'login')).toMatchObject({ code: 'INSECURE_REFUSED' });
  });
});
