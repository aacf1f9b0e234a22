import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BIN, startProgram } from '../../support/cli.ts';
import { type LoginLab, openLoginLab, whoIsThere } from '../../support/login-lab.ts';

let lab: LoginLab;

beforeEach(async () => {
  lab = await openLoginLab();
});

afterEach(() => lab.close());

const at = (...path: string[]) => join(lab.project.dir, ...path);
const TOKEN = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln';

/** A web server on loopback that writes down what it was asked. */
async function startWeb(answer: (request: IncomingMessage, body: string) => object) {
  const asked: { url: string; authorization: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '', body });
      const { status = 200, ...json } = answer(request, body) as { status?: number };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, stop: () => new Promise((resolve) => server.close(resolve)) };
}

describe('ci', () => {
  test('GitHub: asks the runner for an id token for this server, exchanges it, and renews by asking again', async () => {
    const runner = await startWeb(() => ({ value: TOKEN }));
    const env = {
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: `${runner.url}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-key',
    };
    // No --grant: there is no terminal, and a token is to be found.
    const result = await lab.logIn({}, lab.context({ env }));
    expect(result.account).toBe('alice');
    expect(runner.asked).toEqual([
      {
        url: '/token?api-version=2.0&audience=https%3A%2F%2Ffake.example',
        authorization: 'Bearer runner-key',
        body: '',
      },
    ]);
    expect(lab.fake.state.exchanges[0]).toMatchObject({
      subjectToken: TOKEN,
      subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
    });
    for (const token of lab.fake.state.accessTokens) lab.fake.state.expiredTokens.add(token);
    expect(await whoIsThere(lab, lab.context({ env }))).toBe('alice');
    expect(runner.asked).toHaveLength(2);
    expect(lab.fake.state.exchanges).toHaveLength(2);
    expect(lab.fake.state.renewals).toBe(0);
    await runner.stop();
  });

  test.each(['FEDCTL_ID_TOKEN', 'GITLAB_OIDC_TOKEN'])('GitLab: %s holds it', async (name) => {
    await lab.logIn({}, lab.context({ env: { GITLAB_CI: 'true', [name]: TOKEN } }));
    expect(lab.fake.state.exchanges[0]?.subjectToken).toBe(TOKEN);
  });

  test('any other workload: a file, read again at each renewal', async () => {
    await writeFile(at('sa-token'), `${TOKEN}\n`);
    await lab.logIn({ settings: { tokenFile: at('sa-token') } });
    await writeFile(at('sa-token'), 'second.token.x');
    for (const token of lab.fake.state.accessTokens) lab.fake.state.expiredTokens.add(token);
    await whoIsThere(lab);
    expect(lab.fake.state.exchanges.map(({ subjectToken }) => subjectToken)).toEqual([TOKEN, 'second.token.x']);
  });

  test('no token anywhere: says what to do, and nothing is left behind', async () => {
    const context = lab.context({ env: { GITHUB_ACTIONS: 'true' } });
    await expect(lab.logIn({ grant: 'ci' }, context)).rejects.toMatchObject({
      reason: 'ID_TOKEN_MISSING',
      hint: expect.stringContaining('id-token: write'),
    });
    expect(existsSync(at('.flwr'))).toBe(false);
  });

  test.each([
    ['an error', { status: 403 }],
    ['no token', { value: 7 }],
    ['a line that would split a header', { value: 'a\r\nb' }],
  ])('GitHub answers with %s: no login, and no word of its answer', async (_name, answer) => {
    const runner = await startWeb(() => answer);
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: runner.url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-key' };
    await expect(lab.logIn({}, lab.context({ env }))).rejects.toMatchObject({ reason: 'ID_TOKEN_UNAVAILABLE' });
    await runner.stop();
  });

  test("the runner's key goes over TLS only", async () => {
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://runner.example/', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'key' };
    await expect(lab.logIn({}, lab.context({ env }))).rejects.toMatchObject({ reason: 'ADDRESS_REFUSED' });
  });
});

/** A provider with discovery and the grant of machines. */
async function startAuthority(token: (body: URLSearchParams) => object, methods: readonly string[] | undefined) {
  let url = '';
  const web = await startWeb((request, body) => {
    if (request.url === '/token') return token(new URLSearchParams(body));
    return {
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/jwks`,
      ...(methods && { token_endpoint_auth_methods_supported: methods }),
    };
  });
  url = web.url;
  return web;
}

describe('client_credentials', () => {
  const machine = (authority: string) => ({
    authority,
    clientId: 'trainer',
    audience: 'https://fake.example',
    scopes: ['x'],
  });

  test.each([
    ['basic, where the provider says nothing', undefined],
    ['in the form, where it takes nothing else', ['client_secret_post']],
  ] as const)('the secret goes to the authority only: %s', async (_name, methods) => {
    const authority = await startAuthority(() => ({ access_token: 'of-authority', token_type: 'bearer' }), methods);
    const env = { FEDCTL_CLIENT_SECRET: 'very-secret' };
    const context = lab.context({ env });
    await lab.logIn({ settings: machine(authority.url) }, context);
    const asked = authority.asked.find(({ url }) => url === '/token');
    const form = Object.fromEntries(new URLSearchParams(asked?.body));
    expect(form).toMatchObject({ grant_type: 'client_credentials', scope: 'x', audience: 'https://fake.example' });
    expect(
      methods === undefined
        ? decodeURIComponent(Buffer.from(asked?.authorization.slice(6) ?? '', 'base64').toString())
        : form.client_secret,
    ).toContain('very-secret');
    expect(lab.fake.state.exchanges[0]).toMatchObject({
      subjectToken: 'of-authority',
      subjectTokenType: 'urn:ietf:params:oauth:token-type:access_token',
      scopes: [],
    });
    const settings = readFileSync(at('.flwr/.credentials/lab.login.json'), 'utf8');
    expect(settings).toContain('"clientId": "trainer"');
    expect(JSON.stringify([settings, context.written, lab.fake.state.exchanges])).not.toContain('very-secret');
    expect(statSync(at('.flwr/.credentials/lab.login.json')).mode & 0o777).toBe(0o600);
    await authority.stop();
  });

  test('a file holds the secret; what is remembered renews the login, and does the next one without flags', async () => {
    const authority = await startAuthority(() => ({ access_token: 'of-authority', token_type: 'bearer' }), undefined);
    await writeFile(at('secret'), 'in-a-file\n', { mode: 0o600 });
    await lab.logIn({ settings: { ...machine(authority.url), clientSecretFile: at('secret') } });
    for (const token of lab.fake.state.accessTokens) lab.fake.state.expiredTokens.add(token);
    expect(await whoIsThere(lab)).toBe('alice');
    await lab.logIn({ force: true });
    expect(lab.fake.state.exchanges).toHaveLength(3);
    expect(lab.fake.state.starts).toEqual([]);
    await authority.stop();
  });

  test('the authority refuses: said in one word of the standard, not in its own', async () => {
    const error = { status: 401, error: 'invalid_client', error_description: 'very-secret is wrong' };
    const authority = await startAuthority(() => error, undefined);
    const context = lab.context({ env: { FEDCTL_CLIENT_SECRET: 'very-secret' } });
    const refused = await lab.logIn({ settings: machine(authority.url) }, context).catch((thrown: Error) => thrown);
    expect(refused).toMatchObject({ reason: 'CLIENT_REFUSED', message: expect.stringContaining('invalid_client') });
    expect(String((refused as Error).stack)).not.toContain('very-secret');
    await authority.stop();
  });

  test.each([
    [{ authority: 'http://idp.example', clientId: 'x' }, 'USAGE'],
    [{ authority: 'https://idp.example' }, 'USAGE'],
    [{ authority: 'http://127.0.0.1:1', clientId: 'x' }, 'AUTHORITY_UNAVAILABLE'],
  ])('%j: %s', async (settings, reason) => {
    const context = lab.context({ env: { FEDCTL_CLIENT_SECRET: 's' } });
    await expect(lab.logIn({ grant: 'client_credentials', settings }, context)).rejects.toMatchObject({ reason });
  });
});

describe('password', () => {
  test('piped in, warned about, sent once, and remembered nowhere', async () => {
    const args = ['login', '--grant', 'password', '--username', 'bob', '--password-stdin'];
    const env = { PATH: process.env.PATH, HOME: lab.project.dir, LANG: 'C.UTF-8' };
    const cli = startProgram(process.execPath, [BIN, ...args], { cwd: lab.project.dir, env, leads: true });
    cli.child.stdin?.end('open sesame\n');
    const { code, stdout, stderr } = await cli.ended;
    expect({ code, stdout, stderr: `${stderr}` }).toEqual({
      code: 0,
      stderr: expect.anything(),
      stdout: `Logged in to ${lab.fake.address} as alice.\n`,
    });
    expect(stderr).toContain('Warning: the password grant hands your password to fedctl');
    expect(lab.fake.state.passwords).toMatchObject([{ username: 'bob', password: 'open sesame', provider: '' }]);
    const files = readdirSync(at('.flwr/.credentials')).map((name) =>
      readFileSync(at('.flwr/.credentials', name), 'utf8'),
    );
    expect(files.join() + stderr).not.toContain('sesame');
    expect(files.join()).toContain('"username": "bob"');
  });

  test('no terminal to ask at', async () => {
    await expect(lab.logIn({ grant: 'password' })).rejects.toMatchObject({ reason: 'USAGE' });
  });

  test('where it is not allowed nobody is asked for one', async () => {
    lab.fake.state.providers = [{ alias: 'corp', name: 'Corp', issuer: 'https://corp', grants: ['device_code'] }];
    await expect(lab.logIn({ grant: 'password' })).rejects.toMatchObject({ reason: 'GRANT_NOT_OFFERED' });
    expect(lab.fake.state.passwords).toEqual([]);
  });
});

describe('what is remembered', () => {
  test('the grant and the provider of the last time; flags win; auto forgets', async () => {
    lab.fake.state.pushes = ['approved'];
    await lab.logIn({ grant: 'device_code', settings: { provider: 'corp' } });
    await lab.logIn({ force: true });
    await lab.logIn({ force: true, settings: { provider: 'other' } });
    await lab.logIn({ force: true });
    await lab.logIn({ force: true, grant: 'auto' });
    expect(lab.fake.state.starts.map(({ provider }) => provider)).toEqual(['corp', 'corp', 'other', 'other', '']);
    expect(existsSync(at('.flwr/.credentials/lab.login.json'))).toBe(false);
  });

  test('CF-05: settings of another server, or that came with a folder, are not followed', async () => {
    lab.fake.state.pushes = ['approved'];
    await lab.logIn({ settings: { provider: 'corp' } });
    const file = at('.flwr/.credentials/lab.login.json');
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    for (const change of [
      { server: 'evil.example:9093' },
      { folder: '1' },
      { host: 'elsewhere' },
      { ca: 'system' },
      { version: 2 },
    ]) {
      await writeFile(file, JSON.stringify({ ...kept, ...change }));
      await lab.logIn({ force: true });
    }
    expect(lab.fake.state.starts.slice(1).map(({ provider }) => provider)).toEqual(['', '', '', '', '']);
  });
});
