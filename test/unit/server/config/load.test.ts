import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { configFrom, loadConfig, parseConfig } from '../../../../src/server/config/load.ts';
import { renderTemplate } from '../../../../src/server/config/template.ts';
import { selfSigned, writePair } from '../../../support/certificates.ts';

const LEAST = {
  server: { 'tls-cert': 'tls.crt', 'tls-key': 'tls.key' },
  oidc: [{ alias: 'main', issuer: 'https://idp.example', 'client-id': 'fedctl', 'client-secret-file': 'secret' }],
  openfga: { url: 'https://fga.example' },
  engine: { address: '10.0.0.1:9093' },
};
const FILE = '/etc/fedctl/server.toml';
const LEAST_TEXT = renderTemplate({ ...LEAST, oidc: LEAST.oidc[0] ?? {} });

/** The lines of the error that `act` throws. */
function complaints(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'CONFIG_INVALID' });
    return (error as Error).message.split('\n');
  }
  return [];
}

const withTable = (name: string, table: object) => () =>
  configFrom({ ...LEAST, [name]: { ...(LEAST as Record<string, object>)[name], ...table } }, '/etc');

describe('a configuration', () => {
  test('of required settings only has every default', () => {
    expect(configFrom(LEAST, '/etc/fedctl')).toMatchSnapshot();
  });

  test('written by the template says the same', () => {
    expect(parseConfig(LEAST_TEXT, FILE)).toEqual(configFrom(LEAST, '/etc/fedctl'));
  });

  test('has durations in milliseconds, sizes in bytes, addresses apart, paths from the folder of the file', () => {
    const text = LEAST_TEXT.replace('# idle = "5m"', 'idle = "1h30m"')
      .replace('# metadata = "32KiB"', 'metadata = "8192B"')
      .replace('# grpc-address = "127.0.0.1:9093"', 'grpc-address = "[::1]:0"')
      .replace('tls-cert = "tls.crt"', 'tls-cert = "../tls.crt"');
    const config = parseConfig(text, FILE);
    expect(config.limits).toMatchObject({ idle: 5_400_000, metadata: 8192 });
    expect(config.server).toMatchObject({ grpcAddress: { host: '::1', port: 0 }, tlsCert: '/etc/tls.crt' });
  });
});

describe('what is wrong is named with its line', () => {
  test('all at once, with what was probably meant', () => {
    const text = [
      'admins = 3',
      '[server]',
      'grpc-adress = "127.0.0.1:1"',
      'https-address = 9094',
      '',
      '[[oidc]]',
      'issuer = "https://idp.example"',
      '"__proto__" = 1',
      '[logg]',
      'level = "info"',
      '[limits]',
      'idle = """',
      '[oops]"""',
      'deadline = "1s"',
      '[openfga]',
      'url = "https://u:p@fga.example"',
    ].join('\n');
    expect(complaints(() => parseConfig(text, 's.toml'))).toEqual([
      's.toml:1: [admins] stands outside of any table, or is no table of this file.',
      's.toml:3: [server] grpc-adress is no setting. Did you mean grpc-address?',
      's.toml:4: [server] https-address must be "host:port", such as "127.0.0.1:9093" or "[::1]:9093".',
      's.toml:6: [[oidc]] alias is missing.',
      's.toml:6: [[oidc]] client-id is missing.',
      's.toml:6: [[oidc]] client-secret-file is missing.',
      's.toml:8: [[oidc]] __proto__ is no setting.',
      's.toml:9: [logg] is no table of this file. Did you mean [logs]?',
      's.toml:12: [limits] idle must be a duration in quotes, such as "500ms", "10s", "5m", "12h" or "30d".',
      's.toml:14: [limits] deadline is no setting. Did you mean [openfga] deadline?',
      's.toml:16: [openfga] url must have no user name, password, query or fragment.',
    ]);
  });

  test('several engines: each with a name and an address of its own, by the line of its table', () => {
    const table = (lines: string) => LEAST_TEXT.replace(/^\[engine\]\n/m, `[[engine]]\n${lines}\n[[engine]]\n`);
    const bad = table('address = "10.0.0.1:9093"\ninsecure = true\nca = "ca.pem"');
    const line = (text: string, start: string, nth: number) =>
      text.split('\n').flatMap((one, index) => (one.startsWith(start) ? [index + 1] : []))[nth];
    expect(complaints(() => parseConfig(bad, 's.toml'))).toEqual([
      `s.toml:${line(bad, 'ca =', 0)}: [[engine]] ca has no meaning with insecure = true: take one of them out.`,
      `s.toml:${line(bad, '[[engine]]', 1)}: [[engine]] name is taken by another [[engine]] table.`,
      `s.toml:${line(bad, 'address =', 1)}: [[engine]] address stands in another [[engine]] table already.`,
    ]);
    const good = parseConfig(table('name = "near"\naddress = "10.0.0.2:8000"\nkind = "flower-http"'), FILE);
    expect(good.engine).toMatchObject([
      { name: 'near', kind: 'flower-http', address: { host: '10.0.0.2', port: 8000 } },
      { name: 'default', kind: 'flower', address: { host: '10.0.0.1', port: 9093 } },
    ]);
  });

  test('one engine, with double brackets or none at all: the line of its table', () => {
    const double = LEAST_TEXT.replace(/^\[engine\]/m, '[[engine]]').replace(/^address = "10.*$/m, '');
    const at = double.split('\n').indexOf('[[engine]]') + 1;
    expect(complaints(() => parseConfig(double, 's.toml'))).toEqual([
      `s.toml:${at}: [engine] address is missing (or set kind = "none").`,
    ]);
    expect(complaints(() => configFrom({ ...LEAST, engine: [] }, '/etc'))[0]).toMatch(/no \[\[engine\]\] table/);
    expect(complaints(() => configFrom({ ...LEAST, engine: 3 }, '/etc'))[0]).toMatch(/\[engine\] must be a table/);
  });

  test('malformed TOML', () => {
    expect(complaints(() => parseConfig('[server]\ntls-cert = \n', 's.toml'))[0]).toMatch(/^s\.toml:2: is not TOML: /);
  });

  test('T-25: size and depth are bounded before parsing', () => {
    expect(complaints(() => parseConfig(`a = "${'x'.repeat(300_000)}"`, 's.toml'))).toEqual([
      's.toml: is larger than 256 KiB.',
    ]);
    const deep = `a = ${'['.repeat(100_000)}`;
    expect(complaints(() => parseConfig(deep, 's.toml'))).toEqual(['s.toml: nests deeper than 16 levels.']);
    const dotted = `${Array.from({ length: 40 }, () => 'a').join('.')} = 1`;
    expect(complaints(() => parseConfig(dotted, 's.toml'))).toEqual(['s.toml: nests deeper than 16 levels.']);
  });

  test('T-25: any text gives a configuration or one typed error, and quickly', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom('[', ']', '{', '"', '"""', "'", '=', '.', '\n', '#', '[[oidc]]', 'a'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        expect(complaints(() => parseConfig(pieces.join(''), 's.toml'))).not.toEqual([]);
      }),
    );
  });
});

describe('rules between settings', () => {
  test('E5: no start without an identity provider, nor without OpenFGA', () => {
    const { oidc: _oidc, ...withoutOidc } = LEAST;
    expect(complaints(() => configFrom(withoutOidc, '/etc'))).toEqual([expect.stringMatching(/no \[\[oidc\]\] table/)]);
    const { openfga: _openfga, ...withoutFga } = LEAST;
    expect(complaints(() => configFrom(withoutFga, '/etc'))).toEqual([
      expect.stringMatching(/\[openfga\] url is missing/),
    ]);
  });

  test('TL-01: no start without TLS, except on loopback', () => {
    const { server: _server, ...rest } = LEAST;
    expect(complaints(() => configFrom(rest, '/etc'))).toHaveLength(2);
    const plain = (table: object) => () => configFrom({ ...rest, server: { plaintext: true, ...table } }, '/etc');
    expect(complaints(plain({}))).toEqual([]);
    expect(complaints(plain({ 'grpc-address': 'localhost:1', 'https-address': '[::1]:1' }))).toEqual([]);
    for (const open of [
      '0.0.0.0:9093',
      '[::]:9093',
      '10.1.2.3:9093',
      'example.org:9093',
      '127.0.0.1.example.org:9093',
    ]) {
      expect(complaints(plain({ 'grpc-address': open }))).toEqual([
        expect.stringMatching(/grpc-address must be a loopback/),
      ]);
      expect(complaints(plain({ 'https-address': open }))).toEqual([
        expect.stringMatching(/https-address must be a loopback/),
      ]);
    }
  });

  test('plain HTTP to the provider only on loopback and when allowed; to OpenFGA beyond loopback only when allowed', () => {
    const provider = (changes: object) => () =>
      configFrom({ ...LEAST, oidc: [{ ...LEAST.oidc[0], ...changes }] }, '/etc');
    expect(complaints(provider({ issuer: 'http://127.0.0.1:1', 'allow-http': true }))).toEqual([]);
    expect(complaints(provider({ issuer: 'http://127.0.0.1:1' }))).toHaveLength(1);
    expect(complaints(provider({ issuer: 'http://idp.example', 'allow-http': true }))).toHaveLength(1);
    expect(complaints(withTable('openfga', { url: 'http://127.0.0.1:8080' }))).toEqual([]);
    expect(complaints(withTable('openfga', { url: 'http://fga:8080' }))).toHaveLength(1);
    expect(complaints(withTable('openfga', { url: 'http://fga:8080', 'allow-http': true }))).toEqual([]);
    const proxied = { proxy: 'http://proxy.example:3128' };
    expect(complaints(withTable('openfga', { url: 'http://127.0.0.1:8080', ...proxied }))).toEqual([
      expect.stringContaining('needs an https:// url'),
    ]);
    expect(complaints(withTable('openfga', { url: 'https://fga.example', ...proxied }))).toEqual([]);
    expect(complaints(withTable('server', { 'trusted-proxies': ['10.0.0.0/33'] }))).toEqual([
      expect.stringContaining('must be an IP address or a network'),
    ]);
  });

  test('two providers differ in alias and issuer', () => {
    const [one] = LEAST.oidc;
    expect(complaints(() => configFrom({ ...LEAST, oidc: [one, one] }, '/etc'))).toHaveLength(2);
  });

  test.each([
    ['engine', { address: undefined }, /address is missing/],
    ['engine', { insecure: true, ca: 'ca.pem' }, /ca has no meaning/],
    ['tokens', { idle: '60d' }, /idle must not be longer than max/],
    ['limits', { connections: 0 }, /between 1 and/],
    ['limits', { connections: 1.5 }, /whole number/],
    ['limits', { metadata: '1MiB' }, /between 8KiB and 64KiB/],
    ['limits', { metadata: '32KB' }, /size in quotes/],
    ['openfga', { cache: '6s' }, /between 0s and 5s/],
    ['access', { admins: [{ issuer: 'x' }] }, /list of/],
    ['access', { admins: [{ issuer: 'https://typo.example', subject: 's' }] }, /admins names an issuer that/],
    ['access', { 'default-roles': ['king'] }, /one of admin, operator, runner, viewer/],
    ['access', { 'default-federation': 'lab' }, /federation id/],
    ['log', { level: 'loud' }, /one of debug, info, warn, error/],
    ['server', { 'grpc-address': '127.0.0.1:99999' }, /host:port/],
    ['server', { plaintext: 'no' }, /true or false/],
    ['server', { 'tls-cert': '' }, /file path/],
  ])('[%s] %j is refused', (table, values, complaint) => {
    expect(complaints(withTable(table, values))).toEqual([expect.stringMatching(complaint)]);
  });
});

describe('files', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fedctl-config-'));
    file = join(folder, 'server.toml');
    await writePair(folder, await selfSigned());
    await writeFile(join(folder, 'secret'), 's\n', { mode: 0o600 });
    await writeFile(join(folder, 'master.key'), 'k\n', { mode: 0o600 });
    await writeFile(file, LEAST_TEXT);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('that are all there and private', async () => {
    expect((await loadConfig(file)).server.tlsCert).toBe(join(folder, 'tls.crt'));
  });

  test.each(['secret', 'master.key', 'tls.key'])('T-03: %s must not be open to others', async (name) => {
    await chmod(join(folder, name), 0o644);
    await expect(loadConfig(file)).rejects.toThrow(/others can read or change: chmod 600/);
    await chmod(join(folder, name), 0o440);
    await expect(loadConfig(file)).resolves.toBeDefined();
  });

  test.each(['secret', 'master.key', 'tls.key', 'tls.crt'])('%s must exist', async (name) => {
    await rm(join(folder, name));
    await expect(loadConfig(file)).rejects.toThrow(/server\.toml:\d+: .* does not exist\.$/);
  });

  test.each([
    ['a foreign key', async () => writeFile(join(folder, 'tls.key'), (await selfSigned()).key), /does not belong to/],
    ['an expired certificate', async () => writePair(folder, await selfSigned({ days: 0.5 })), /expired on/],
    ['a certificate of the future', async () => writePair(folder, await selfSigned({ from: 1e8 })), /not valid before/],
    ['no certificate at all', () => writeFile(join(folder, 'tls.crt'), 'hello'), /no PEM certificate/],
    ['no key at all', () => writeFile(join(folder, 'tls.key'), 'hello'), /no unencrypted PEM private key/],
  ])('%s is refused', async (_name, spoil, complaint) => {
    await spoil();
    await expect(loadConfig(file)).rejects.toMatchObject({
      reason: 'CONFIG_INVALID',
      message: expect.stringMatching(complaint),
    });
  });

  test('no file, or one that is not text', async () => {
    await expect(loadConfig(join(folder, 'nope'))).rejects.toMatchObject({ reason: 'CONFIG_NOT_FOUND' });
    await writeFile(file, Buffer.from([0xff, 0xfe, 0x00]));
    await expect(loadConfig(file)).rejects.toThrow(/not UTF-8/);
    await expect(loadConfig(folder)).rejects.toMatchObject({ reason: 'CONFIG_UNREADABLE' });
  });
});
