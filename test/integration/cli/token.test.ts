import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findToken, type TokenInput } from '../../../src/cli/token.ts';
import { BIN, startProgram, storeLogin } from '../../support/cli.ts';
import { issue } from '../../support/control-fake.ts';
import { type LoginLab, openLoginLab } from '../../support/login-lab.ts';

let lab: LoginLab;

beforeEach(async () => {
  lab = await openLoginLab();
});

afterEach(() => lab.close());

const PLAIN: TokenInput = { positionals: [], time: 60, scopes: [], audience: [], exchange: true };

/** A stored login whose access token, of 600 s, lives for so many more. */
async function stored(left = 600): Promise<string> {
  const tokens = { ...issue(lab.fake.state), expiresIn: BigInt(left) };
  await storeLogin(lab.project, { address: lab.fake.address, ca: lab.ca, tokens });
  return tokens.accessToken;
}

const token = (over: Partial<TokenInput> = {}) => findToken(lab.context(), { ...PLAIN, ...over });

describe('token', () => {
  test('a token that is good for long enough is printed as it is; nobody is asked, and no gRPC is loaded', async () => {
    const access = await stored();
    await lab.fake.kill();
    const [recorder, loaded] = [join(lab.project.dir, 'record.mjs'), join(lab.project.dir, 'loaded.json')];
    await writeFile(
      recorder,
      `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const seen = [];
registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
process.on('exit', () => writeFileSync(process.env.LOADED, JSON.stringify(seen)));`,
    );
    const env = { PATH: process.env.PATH, HOME: lab.project.dir, LOADED: loaded };
    const args = ['--import', recorder, BIN, 'token', '--format', 'header'];
    const cli = startProgram(process.execPath, args, { cwd: lab.project.dir, env });
    expect(await cli.ended).toMatchObject({ code: 0, stdout: `Authorization: Bearer ${access}\n`, stderr: '' });
    const urls = JSON.parse(await readFile(loaded, 'utf8')) as string[];
    expect(urls.some((url) => url.endsWith('/cli/token-quick.js'))).toBe(true);
    const heavy =
      /oclif|\/(gen|client\/(grants|channel|session|superlink|unary))\/|vendor\/grpc|node_modules\/(@grpc|@bufbuild|undici)\//;
    expect(urls.filter((url) => heavy.test(url))).toEqual([]);
  });

  test('one that ends too early is renewed first', async () => {
    const first = await stored(200);
    const { token: second, expiresIn } = await token({ time: 300 });
    expect(second.reveal()).not.toBe(first);
    expect(expiresIn).toBeGreaterThan(590);
    expect(lab.fake.state.renewals).toBe(1);
  });

  test('longer than the tokens of the server live: said, and nothing is renewed in vain', async () => {
    await stored(600);
    await expect(token({ time: 3600 })).rejects.toMatchObject({
      reason: 'TOKEN_LIFE_TOO_SHORT',
      message: 'A token of this server lives 10 minutes, and 60 minutes were asked for.',
    });
    expect(lab.fake.state.renewals).toBe(0);
  });

  test('-s and --aud: the server makes a narrower one of ours', async () => {
    const access = await stored();
    const narrow = await token({ scopes: ['runs:read'], audience: ['https://viewer.example'] });
    expect(narrow.token.reveal()).not.toBe(access);
    expect(lab.fake.state.exchanges).toMatchObject([
      { subjectToken: access, scopes: ['runs:read'], audience: ['https://viewer.example'], actorToken: '' },
    ]);
  });

  test('a scope that the server does not know is its to refuse', async () => {
    await stored();
    lab.fake.state.failNext = [{ code: 3, reason: 'SCOPE_UNKNOWN', message: 'There is no such scope.' }];
    await expect(token({ scopes: ['x'] })).rejects.toMatchObject({ reason: 'SCOPE_UNKNOWN' });
  });

  test('--no-exchange: what the identity provider gave, or why not', async () => {
    await stored();
    expect((await token({ exchange: false })).token.reveal()).toBe('opaque-of-idp');
    lab.fake.state.providerToken = { code: 9, reason: 'PROVIDER_TOKENS_NOT_SHARED', message: 'They stay here.' };
    await expect(token({ exchange: false })).rejects.toMatchObject({ reason: 'PROVIDER_TOKENS_NOT_SHARED' });
    lab.fake.state.providerToken = { accessToken: 'a\nb', idToken: '', expiresIn: 0n, issuer: '', tokenType: '' };
    await expect(token({ exchange: false })).rejects.toMatchObject({ reason: 'ANSWER_MALFORMED' });
  });

  test('nobody is logged in', async () => {
    await expect(token()).rejects.toMatchObject({ reason: 'NOT_LOGGED_IN' });
  });

  test('formats of the command', async () => {
    const access = await stored();
    const json = await lab.project.cli('token', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      success: true,
      token: access,
      'token-type': 'Bearer',
      'expires-in': expect.any(Number),
      connection: 'lab',
      address: lab.fake.address,
    });
    const pretty = await lab.project.cli('token', '--pretty');
    expect(pretty).toMatchObject({ code: 0, stdout: expect.stringContaining('alg: ES256') });
    expect(pretty.stdout).not.toContain(access.split('.')[2] ?? '');
  });
});
