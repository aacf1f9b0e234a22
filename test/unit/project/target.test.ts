import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkConnectionName } from '../../../src/core/ids.ts';
import { loadRootCertificates } from '../../../src/project/connections.ts';
import { resolveTarget } from '../../../src/project/target.ts';

let root: string;
let app: string;
let home: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'target-'));
  app = join(root, 'app');
  home = join(root, 'home');
  await mkdir(app);
  await mkdir(home);
});
afterEach(() => rm(root, { recursive: true }));

const project = (text: string) => writeFile(join(app, 'pyproject.toml'), text);
const config = (text: string) => writeFile(join(home, 'config.toml'), text);
const resolveIn = (cwd: string, ...positionals: string[]) =>
  resolveTarget({ positionals, cwd, env: { FLWR_HOME: home } });
const at = (name: string, address: string) => `[tool.flwr.federations.${name}]\naddress = "${address}"\n`;
const link = (name: string, address: string) => `[superlink.${name}]\naddress = "${address}"\n`;

describe('resolveTarget', () => {
  test('where there is no connection it says how one is added', async () => {
    const hint = 'Add one: fedctl config add NAME --address host:port';
    await expect(resolveIn(home)).rejects.toMatchObject({ reason: 'CONNECTION_MISSING', hint });
    await project('');
    const both = `${hint}\nOr [tool.flwr.federations.NAME] in ${join(app, 'pyproject.toml')}, with address = "host:port".`;
    await expect(resolveIn(app)).rejects.toMatchObject({ reason: 'CONNECTION_MISSING', hint: both });
  });

  test('takes the only connection, the default, or the named one', async () => {
    await project(at('one', 'a:1'));
    expect((await resolveIn(app)).connection).toMatchObject({ name: 'one', host: 'a', port: 1, projectDir: app });
    await project(`${at('one', 'a:1')}${at('two', 'b:2')}`);
    await expect(resolveIn(app)).rejects.toMatchObject({
      reason: 'CONNECTION_MISSING',
      hint: expect.stringContaining('one, two'),
    });
    await project(`[tool.flwr.federations]\ndefault = "two"\n${at('one', 'a:1')}${at('two', 'b:2')}`);
    expect((await resolveIn(app)).connection.name).toBe('two');
    expect((await resolveIn(app, '.', 'one')).connection.name).toBe('one');
    expect((await resolveIn(root, 'app', 'one')).appDir).toBe(app);
  });

  test('a single positional that is no folder but a connection is FEDERATION, in both files', async () => {
    await project(at('one', 'a:1'));
    await config(link('glob', 'g:9'));
    expect((await resolveIn(app, 'one')).connection.source).toBe('pyproject');
    const { connection, appDir } = await resolveIn(app, 'glob');
    expect({ appDir, source: connection.source, path: connection.credentialsPath }).toEqual({
      appDir: app,
      source: 'config',
      path: join(home, '.credentials', 'glob.json'),
    });
    await expect(resolveIn(app, 'nope')).rejects.toMatchObject({ reason: 'APP_NOT_FOUND' });
    await expect(resolveIn(app, '.', 'nope')).rejects.toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
  });

  test('a folder that shares the name of a connection is not guessed about', async () => {
    await project(at('one', 'a:1'));
    await mkdir(join(app, 'one'));
    await expect(resolveIn(app, 'one')).rejects.toMatchObject({ reason: 'TARGET_AMBIGUOUS' });
    expect((await resolveIn(app, '.', 'one')).connection.name).toBe('one');
  });

  test('pyproject.toml wins on equal names; outside a project there is config.toml only', async () => {
    await project(at('same', 'a:1'));
    await config(`[superlink]\ndefault = "same"\n${link('same', 'b:2')}`);
    expect((await resolveIn(app, 'same')).connection).toMatchObject({ address: 'a:1' });
    expect(await resolveIn(root)).toMatchObject({ projectDir: undefined, connection: { address: 'b:2' } });
  });

  const bad: [string, string, RegExp][] = [
    [
      'wrong type',
      'address = "a:1"\ninsecure = "no"',
      /pyproject\.toml: \[tool\.flwr\.federations\.lab\] insecure must be true or false, not a string/,
    ],
    ['no address', 'adress = "a:1"', /address is missing \(keys found: adress\)/],
    ['a scheme', 'address = "https://a:1"', /without a scheme/],
    ['no port', 'address = "a"', /must be host:port/],
    ['port 0', 'address = "a:0"', /no port between/],
    ['bad IPv4', 'address = "300.1.1.1:80"', /IPv4/],
    ['a simulation', 'options.num-supernodes = 2', /local simulation/],
    ['a local one', 'address = ":local:"', /local simulation/],
    ['CA and insecure', 'address = "a:1"\ninsecure = true\nroot-certificates = "x"', /can't be used with insecure/],
    ['a bad federation', 'address = "a:1"\nfederation = "lab"', /@owner\/name/],
    ['an option list', 'address = "a:1"\noptions.x = [1]', /options\] x must be .* not an array/],
  ];
  test.each(bad)('%s is an error naming file, table and key', async (_, text, message) => {
    await project(`[tool.flwr.federations.lab]\n${text}\n`);
    await expect(resolveIn(app)).rejects.toThrow(message);
  });

  test('root certificates: relative to the app, absolute in config.toml, PEM on demand', async () => {
    await project(`${at('lab', 'a:1')}root-certificates = "ca.pem"\n`);
    const { connection } = await resolveIn(app);
    expect(connection.rootCertificates).toBe(join(app, 'ca.pem'));
    await expect(loadRootCertificates(connection)).rejects.toMatchObject({ reason: 'ROOT_CERTIFICATES_UNREADABLE' });
    await writeFile(join(app, 'ca.pem'), 'x');
    await expect(loadRootCertificates(connection)).rejects.toMatchObject({ reason: 'ROOT_CERTIFICATES_INVALID' });
    await config(`${link('glob', 'g:9')}root-certificates = "ca.pem"\n`);
    await expect(resolveIn(app, 'glob')).rejects.toThrow('must be an absolute path');
  });

  test('CF-03: names that differ in case only would share a credential file', async () => {
    await project(`${at('lab', 'a:1')}${at('Lab', 'b:2')}`);
    await expect(resolveIn(app, 'lab')).rejects.toMatchObject({ reason: 'CONNECTION_NAME_INVALID' });
  });
});

describe('CF-03, T-19: connection names', () => {
  test.each([
    '../x',
    'a/b',
    'a\0b',
    'con',
    'NUL.x',
    'é',
    'x'.repeat(65),
    '',
    '.x',
    '-x',
    'default',
    'lab.meta',
    'lab.',
    'a b',
  ])('%j is refused', (name) => {
    expect(() => checkConnectionName(name)).toThrow("can't name a connection");
  });

  test('whatever passes stays inside its folder, under its own name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 70, unit: 'binary' }), (name) => {
        try {
          checkConnectionName(name);
        } catch {
          return;
        }
        expect(join('/d/.credentials', `${name}.json`)).toBe(`/d/.credentials/${name}.json`);
        expect(name).not.toMatch(/[/\\\0]/);
      }),
      { numRuns: 2000 },
    );
  });
});
