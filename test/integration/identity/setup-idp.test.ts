import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { parseConfig } from '../../../src/server/config/load.ts';
import { renderTemplate } from '../../../src/server/config/template.ts';
import { runSetup, type SetupAnswers, type SetupPerson } from '../../../src/server/setup-idp.ts';
import { type EvilIdp, evilMetadata, html, startEvilIdp } from '../../support/evil-idp.ts';
import { REGISTRATION_TOKEN, type RegisteringIdp, startRegisteringIdp } from '../../support/registering-idp.ts';

const PUBLIC = 'https://fedctl.example.test:9094';
let folder: string;
let config: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-setup-'));
  config = join(folder, 'server.toml');
  const text = renderTemplate({
    server: { 'public-url': PUBLIC, 'tls-cert': 'tls.crt', 'tls-key': 'tls.key' },
    oidc: { alias: 'main', 'client-secret-file': 'client-secret' },
    openfga: { url: 'https://fga.example.test' },
    engine: { address: '10.0.0.5:9093' },
  });
  writeFileSync(config, text, { mode: 0o640 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const nobody: SetupPerson = {
  note: () => {},
  ask: undefined,
  askSecret: undefined,
  pipedSecret: async () => new Secret('piped-in-secret'),
};

function setup(change: Partial<SetupAnswers>, person: Partial<SetupPerson> = {}) {
  const answers: SetupAnswers = {
    issuer: undefined,
    kind: undefined,
    parts: [],
    configFile: config,
    'client-secret-stdin': false,
    'allow-http': true,
    register: false,
    'dry-run': false,
    ...change,
  };
  return runSetup(answers, { ...nobody, ...person });
}

const text = () => readFileSync(config, 'utf8');
const mode = (name: string) => statSync(join(folder, name)).mode & 0o777;
const providers = () => parseConfig(text(), config).oidc;

describe('setup-idp, oidc-provider', () => {
  let idp: RegisteringIdp;
  let tokenFile: string;

  beforeAll(async () => {
    idp = await startRegisteringIdp();
  });
  beforeEach(() => {
    tokenFile = join(folder, 'registration-token');
    writeFileSync(tokenFile, REGISTRATION_TOKEN, { mode: 0o600 });
  });
  afterAll(() => idp.stop());

  test('registers a client with all that this server needs, and writes what came of it', async () => {
    const before = text();
    const asked = { issuer: idp.issuer, register: true, 'registration-token-file': tokenFile };
    const { document, lines } = await setup(asked);
    const [provider] = providers();
    expect(provider).toMatchObject({ alias: 'main', issuer: idp.issuer, allowHttp: true });
    const client = await idp.client(provider.clientId);
    expect(client).toMatchObject({
      redirect_uris: expect.arrayContaining([`${PUBLIC}/oidc/callback/main`, 'http://127.0.0.1:31111/oauth/callback']),
      grant_types: expect.arrayContaining(['authorization_code', 'refresh_token']),
      backchannel_logout_uri: `${PUBLIC}/oidc/backchannel-logout/main`,
      post_logout_redirect_uris: [`${PUBLIC}/logout/done`],
    });
    const secret = readFileSync(join(folder, 'main.client-secret'), 'utf8').trim();
    expect(secret).toBe(client?.client_secret);
    expect([mode('main.client-secret'), mode('main.registration'), mode('server.toml')]).toEqual([0o600, 0o600, 0o640]);
    for (const said of [JSON.stringify(document), lines.join('\n'), text()]) {
      expect(said).not.toContain(secret);
      expect(said).not.toContain(REGISTRATION_TOKEN);
    }
    // What the template says beside stays as it was.
    const untouched = before.split('\n').filter((line) => line.startsWith('# ') && !/^# [\w-]+ =/.test(line));
    expect(text().split('\n')).toEqual(expect.arrayContaining(untouched));
  });

  test('DR-01: without --register nothing is registered; what to make there is told', async () => {
    const { document, lines } = await setup({ issuer: idp.issuer });
    expect(document).toMatchObject({
      kind: 'other',
      written: false,
      offers: { device: true, code: true, refresh: true, 'back-channel-logout': true, registration: true },
      client: {
        registered: false,
        'redirect-uris': [`${PUBLIC}/oidc/callback/main`, expect.anything(), expect.anything()],
      },
    });
    expect(lines.join('\n')).toContain(`back-channel logout URL    ${PUBLIC}/oidc/backchannel-logout/main`);
    expect(text()).toContain('# issuer = ');
  });

  test('a wrong registration token is told, and nothing is changed', async () => {
    writeFileSync(tokenFile, 'not-the-token');
    const [before, asked] = [text(), { issuer: idp.issuer, register: true, 'registration-token-file': tokenFile }];
    await expect(setup(asked)).rejects.toMatchObject({ reason: 'REGISTRATION_REFUSED' });
    expect(text()).toBe(before);
    expect(existsSync(join(folder, 'main.client-secret'))).toBe(false);
  });

  test('a slash too many is put right, with a sentence', async () => {
    const { document, lines } = await setup({
      issuer: `${idp.issuer}/`,
      'client-id': 'fedctl',
      'client-secret-stdin': true,
    });
    expect(document).toMatchObject({ issuer: idp.issuer, respelt: true, written: true });
    expect(lines[0]).toBe(`The provider calls itself ${idp.issuer}; exactly that is what counts.`);
    expect(providers()[0]).toMatchObject({ issuer: idp.issuer, clientId: 'fedctl' });
    expect(readFileSync(join(folder, 'main.client-secret'), 'utf8')).toBe('piped-in-secret\n');
  });

  test('--dry-run changes nothing here or there', async () => {
    const before = text();
    const asked = { issuer: idp.issuer, register: true, 'registration-token-file': tokenFile, 'dry-run': true };
    expect((await setup(asked)).document).toMatchObject({ written: false, client: { registered: false } });
    expect(text()).toBe(before);
  });

  test('a second provider needs a name and an issuer of its own', async () => {
    await setup({ issuer: idp.issuer, 'client-id': 'fedctl' });
    const once = text();
    await expect(setup({ issuer: idp.issuer, 'client-id': 'x', alias: 'other' })).rejects.toMatchObject({
      reason: 'PROVIDER_CONFIGURED',
    });
    expect(text()).toBe(once);
  });

  test('at a terminal the kind, its parts, the client and the secret are asked for', async () => {
    const questions: string[] = [];
    const answers = ['8', idp.issuer, 'fedctl'];
    const told: string[] = [];
    await setup(
      {},
      {
        note: (line) => void told.push(line),
        ask: async (question) => {
          questions.push(question);
          return answers[questions.length - 1] ?? '';
        },
        askSecret: async () => new Secret('typed-in-secret'),
      },
    );
    expect(told).toHaveLength(8);
    expect(questions).toHaveLength(3);
    expect(providers()[0]).toMatchObject({ issuer: idp.issuer, clientId: 'fedctl' });
    expect(readFileSync(join(folder, 'main.client-secret'), 'utf8')).toBe('typed-in-secret\n');
  });
});

describe('setup-idp, a provider that misbehaves', () => {
  let idp: EvilIdp;
  const register = () => setup({ issuer: idp.issuer, register: true });
  const registers = (json: object, status = 201) => idp.on('/register', () => ({ status, json }));

  beforeEach(async () => {
    idp = await startEvilIdp();
    const metadata = { ...evilMetadata(idp.issuer), registration_endpoint: `${idp.issuer}/register` };
    idp.on('/discovery', () => ({ json: metadata }));
  });
  afterEach(() => idp.stop());

  test('DR-02: what it registered counts, not what was asked for', async () => {
    registers({
      client_id: 'its-own',
      client_secret: 'its-own-secret',
      redirect_uris: [],
      grant_types: ['refresh_token'],
    });
    const { document } = await register();
    expect(providers()[0]).toMatchObject({ clientId: 'its-own' });
    expect(readFileSync(join(folder, 'main.client-secret'), 'utf8')).toBe('its-own-secret\n');
    const { lacks } = (document as { client: { lacks: string[] } }).client;
    expect(lacks).toContain(`The provider left out the redirect URI ${PUBLIC}/oidc/callback/main.`);
  });

  test.each([
    [
      'another way to authenticate',
      { client_id: 'x', client_secret: 'y', token_endpoint_auth_method: 'private_key_jwt' },
    ],
    [
      'the other way with a secret',
      { client_id: 'x', client_secret: 'y', token_endpoint_auth_method: 'client_secret_post' },
    ],
    ['a public client', { client_id: 'x', token_endpoint_auth_method: 'none' }],
    ['no secret', { client_id: 'x' }],
    ['no client', { client_secret: 'y' }],
    ['a list', []],
  ])('DR-02: %s can not be used, and nothing is written', async (_what, answer) => {
    const before = text();
    registers(answer);
    await expect(register()).rejects.toMatchObject({ reason: 'REGISTRATION_UNUSABLE' });
    expect(text()).toBe(before);
  });

  test('its words in an error stay out of ours', async () => {
    registers({ error: 'invalid_client_metadata', error_description: 'canary \u001b[31m' }, 400);
    await expect(register()).rejects.toMatchObject({
      message: 'The provider refused to register a client (HTTP 400: invalid_client_metadata).',
    });
  });

  test('BC-08: a registration endpoint on another host gets nothing', async () => {
    const other = await startEvilIdp();
    idp.on('/discovery', () => ({
      json: { ...evilMetadata(idp.issuer), registration_endpoint: `${other.issuer}/register` },
    }));
    await expect(register()).rejects.toMatchObject({ reason: 'REGISTRATION_UNUSABLE' });
    expect(other.requests).toEqual([]);
    await other.stop();
  });

  test('BC-08: endpoints on other hosts are named, in the configuration and to the operator', async () => {
    idp.on('/discovery', () => ({
      json: { ...evilMetadata(idp.issuer), token_endpoint: 'https://tokens.example.test/token' },
    }));
    const { lines } = await setup({ issuer: idp.issuer, 'client-id': 'fedctl' });
    expect(lines.join('\n')).toContain('https://tokens.example.test');
    expect(providers()[0]).toMatchObject({ endpointOrigins: ['https://tokens.example.test'] });
  });

  test('MD-01: a provider of another name is refused', async () => {
    idp.on('/discovery', () => ({ json: evilMetadata('https://login.example.test/{tenantid}/v2.0') }));
    const before = text();
    await expect(setup({ issuer: idp.issuer, 'client-id': 'fedctl' })).rejects.toMatchObject({
      reason: 'IDENTITY_PROVIDER_MISCONFIGURED',
      message: expect.stringContaining('https://login.example.test/{tenantid}/v2.0'),
      hint: expect.stringContaining('id of yours'),
    });
    expect(text()).toBe(before);
  });

  test.each([
    ['a page', html(200), 'what stands there is no JSON'],
    ['nothing', { status: 404, json: {} }, 'HTTP 404'],
    ['no keys', { json: { issuer: 'https://x.example', token_endpoint: 'https://x.example/t' } }, 'no keys'],
    ['null', { json: null }, 'it names no issuer'],
  ])('F-05: where there is %s, that is said', async (_what, answer, why) => {
    idp.on('/discovery', () => answer);
    await expect(setup({ issuer: idp.issuer })).rejects.toMatchObject({
      reason: 'IDENTITY_PROVIDER_MISCONFIGURED',
      message: expect.stringContaining(why),
    });
  });

  test('MD-02: a redirect is told, not followed', async () => {
    idp.on('/discovery', () => ({
      raw: (response) => response.writeHead(302, { location: 'https://elsewhere.example.test/x' }).end(),
    }));
    await expect(setup({ issuer: idp.issuer })).rejects.toMatchObject({
      message: expect.stringContaining('it redirects to https://elsewhere.example.test'),
    });
  });

  test('http is refused unless it was allowed', async () => {
    await expect(setup({ issuer: idp.issuer, 'allow-http': false })).rejects.toMatchObject({ reason: 'USAGE' });
  });
});
