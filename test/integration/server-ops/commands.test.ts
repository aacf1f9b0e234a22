import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned, writePair } from '../../support/certificates.ts';

const BIN = join(import.meta.dirname, '../../../dist/bin.js');
const ISSUER = 'https://127.0.0.1:1';
const INIT = [
  '--issuer',
  ISSUER,
  '--client-id',
  'fedctl',
  '--openfga',
  'http://127.0.0.1:1',
  '--engine',
  '127.0.0.1:1',
];

let folder: string;

beforeAll(() => {
  if (!existsSync(BIN)) throw new Error('Build first: npm run build');
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedctl-server-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function fedctl(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, ...args], { cwd: folder }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

/** A folder where everything stands that `server start` asks for. */
async function prepared(): Promise<string> {
  await fedctl('server', 'init', ...INIT);
  await writePair(folder, await selfSigned());
  await writeFile(join(folder, 'client-secret'), 'hush', { mode: 0o600 });
  return join(folder, 'server.toml');
}

async function status(url: string): Promise<number> {
  const ca = await readFile(join(folder, 'tls.crt'));
  return new Promise((resolve, reject) => {
    get(url, { ca, servername: 'localhost', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', reject);
  });
}

const mode = async (name: string) => (await stat(join(folder, name))).mode & 0o777;

describe('server init', () => {
  test('writes a private configuration and master key, and says what comes next', async () => {
    const { code, out } = await fedctl('server', 'init', '--admin', ISSUER, 'abc', ...INIT);
    expect(code).toBe(0);
    expect(out).toMatch(/Written: .*server\.toml\nWritten: .*master\.key .*\nNext:\n {2}1\. /);
    expect([await mode('server.toml'), await mode('master.key')]).toEqual([0o600, 0o600]);
    expect(Buffer.from(await readFile(join(folder, 'master.key'), 'utf8'), 'base64')).toHaveLength(32);
    expect(await readFile(join(folder, 'server.toml'), 'utf8')).toContain(
      `admins = [{ issuer = "${ISSUER}", subject = "abc" }]`,
    );
  });

  test('never overwrites unasked, and never the master key', async () => {
    await fedctl('server', 'init', ...INIT);
    const key = await readFile(join(folder, 'master.key'), 'utf8');
    const text = await readFile(join(folder, 'server.toml'), 'utf8');
    const again = await fedctl('server', 'init', '--json');
    expect([again.code, JSON.parse(again.out).error.code]).toEqual([1, 'CONFIG_EXISTS']);
    expect(await readFile(join(folder, 'server.toml'), 'utf8')).toBe(text);
    const forced = await fedctl('server', 'init', '--force');
    expect(forced.out).toMatch(/Kept: .*master\.key/);
    expect(await readFile(join(folder, 'server.toml'), 'utf8')).not.toBe(text);
    expect(await readFile(join(folder, 'master.key'), 'utf8')).toBe(key);
  });

  test('refuses bad answers and changes nothing', async () => {
    expect((await fedctl('server', 'init', '--engine', 'nonsense')).err).toMatch(
      /^Error: --engine must be "host:port"/,
    );
    expect((await fedctl('server', 'init', '--admin', 'only-one')).code).toBe(2);
    expect(existsSync(join(folder, 'server.toml'))).toBe(false);
  });
});

describe('server start', () => {
  test('--check says whether all is in order', async () => {
    const file = await prepared();
    expect(await fedctl('server', 'start', '--config', file, '--check')).toMatchObject({
      code: 0,
      out: 'The configuration is in order.\n',
    });
    await rm(join(folder, 'client-secret'));
    const { code, err } = await fedctl('server', 'start', '--config', file, '--check');
    expect(code).toBe(1);
    expect(err).toMatch(/^Error: .*server\.toml:\d+: \[\[oidc\]\] client-secret-file names .* does not exist\.\n/);
  });

  test('F-10, F-28: is up but not ready while everything behind it is away; SIGTERM ends it in order', async () => {
    const file = await prepared();
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/# (grpc|https)-address = .*/g, '$1-address = "127.0.0.1:0"'));
    const child = spawn(process.execPath, [BIN, 'server', 'start', '--config', file], { cwd: folder });
    try {
      const ended = new Promise((done) => child.once('close', done));
      child.stdout.resume();
      const address = await new Promise<string>((done, fail) => {
        let err = '';
        child.stderr.on('data', (piece) => {
          err += piece;
          const found = /HTTP on (https:\/\/\S+)\n/.exec(err)?.[1];
          if (found) done(found);
        });
        child.once('close', () => fail(new Error(err)));
      });
      expect([await status(`${address}/healthz`), await status(`${address}/readyz`)]).toEqual([200, 503]);
      child.kill('SIGHUP');
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(await mode('state')).toBe(0o700);
    } finally {
      child.kill('SIGKILL');
    }
  }, 40_000);

  test('without a file', async () => {
    expect(await fedctl('server', 'start')).toMatchObject({ code: 5, err: expect.stringMatching(/server init/) });
  });
});
