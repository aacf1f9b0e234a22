import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Context } from '../../../src/cli/context.ts';
import { examine } from '../../../src/cli/doctor.ts';
import type { Finding } from '../../../src/cli/finding.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { Secret } from '../../../src/core/secret.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import { caPin } from '../../../src/credentials/records.ts';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { type CliProject, makeProject, storeLogin } from '../../support/cli.ts';
import { type ControlFake, issue, startControlFake } from '../../support/control-fake.ts';
import { startNginx } from '../../support/nginx.ts';
import { freePort } from '../../support/openfga.ts';
import { type ProxyOptions, startProxy } from '../../support/proxy.ts';

const DAY_MS = 86_400_000;
/** Known to a proxy alone. */
const NAME = 'fedctl.example';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function fakeWith(tls: TestPair | undefined, host?: string): Promise<ControlFake> {
  const fake = await startControlFake({ tls, ...(host === undefined ? {} : { host }) });
  closing.push(() => fake.kill());
  return fake;
}

async function projectAt(address: string, ca?: string): Promise<CliProject> {
  const project = await makeProject(ca === undefined ? { address } : { address, ca });
  closing.push(project.remove);
  return project;
}

interface Surroundings {
  readonly env?: Record<string, string>;
  /** How far this machine's clock is ahead. */
  readonly aheadMs?: number;
}

/** What doctor finds in a project, without the time that starting a process takes. */
async function doctor({ dir }: CliProject, { env = {}, aheadMs = 0 }: Surroundings = {}): Promise<readonly Finding[]> {
  const atEnd: (() => void)[] = [];
  const context: Context = {
    stdio: undefined as never,
    json: true,
    clock: { ...systemClock, now: () => Date.now() + aheadMs },
    env: { HOME: dir, PATH: process.env.PATH, ...env },
    cwd: dir,
    program: 'fedctl test',
    knownKeys: new Map(),
    signal: new AbortController().signal,
    note: () => undefined,
    atEnd: (close) => void atEnd.push(close),
  };
  try {
    return (await examine(context, [])).findings;
  } finally {
    for (const close of atEnd) close();
  }
}

function found(findings: readonly Finding[], name: string): Finding {
  const finding = findings.find((one) => one.name === name);
  if (finding === undefined) throw new Error(`no finding "${name}": ${JSON.stringify(findings, undefined, 1)}`);
  return finding;
}

async function healthy() {
  const tls = await selfSigned();
  const fake = await fakeWith(tls);
  const project = await projectAt(fake.address, tls.cert);
  return { tls, fake, project };
}

describe('TLS', () => {
  test('an unknown authority: what it is called, its SHA-256, and what to do', async () => {
    const [tls, other] = [await selfSigned({ cn: 'The Lab' }), await selfSigned()];
    const { X509Certificate } = await import('node:crypto');
    const { fingerprint256 } = new X509Certificate(tls.cert);
    const { address } = await fakeWith(tls);
    for (const ca of [other.cert, undefined]) {
      expect(found(await doctor(await projectAt(address, ca)), 'tls')).toMatchObject({
        state: 'fail',
        text: expect.stringContaining(`"CN=The Lab", SHA-256 ${fingerprint256}`),
        hint: expect.stringMatching(/root-certificates.*compare all of it/),
      });
    }
  });

  test('the authority that is trusted is named with its SHA-256, too', async () => {
    const { project } = await healthy();
    expect(found(await doctor(project), 'authority')).toMatchObject({
      state: 'ok',
      text: expect.stringMatching(/^CN=localhost, SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}, in /),
    });
    chmodSync(join(project.dir, 'ca.pem'), 0o666);
    expect(found(await doctor(project), 'authority')).toMatchObject({
      state: 'warn',
      hint: expect.stringContaining('chmod go-w'),
    });
    writeFileSync(join(project.dir, 'ca.pem'), 'no certificate');
    expect(found(await doctor(project), 'authority')).toMatchObject({ state: 'fail' });
  });

  test('a certificate for other names: which ones', async () => {
    const tls = await selfSigned();
    const { port } = await fakeWith(tls, '0.0.0.0');
    expect(found(await doctor(await projectAt(`127.0.0.2:${port}`, tls.cert)), 'tls')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('not made for the name 127.0.0.2, but for localhost, 127.0.0.1'),
    });
  });

  test.each([
    ['expired', { from: -3 * DAY_MS, days: 1 }, /has expired: it was good until 20\d\d-/],
    ['not yet valid', { from: 2 * DAY_MS }, /not valid yet: it begins at 20\d\d-/],
  ])('a certificate that is %s: since when', async (_what, validity, text) => {
    const tls = await selfSigned(validity);
    const { address } = await fakeWith(tls);
    const findings = await doctor(await projectAt(address, tls.cert));
    expect(found(findings, 'tls')).toMatchObject({ state: 'fail', text: expect.stringMatching(text) });
    expect(found(findings, 'tls').hint).toContain('clock');
  });

  test('plaintext where TLS was meant, and TLS where plaintext was', async () => {
    const plain = await fakeWith(undefined);
    const findings = await doctor(await projectAt(`localhost:${plain.port}`, (await selfSigned()).cert));
    expect(found(findings, 'tls')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('does not speak TLS'),
    });
    const secure = await fakeWith(await selfSigned());
    const project = await projectAt(secure.address);
    await project.connect([`address = "${secure.address}"`, 'insecure = true']);
    expect(found(await doctor(project), 'server')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('wants TLS'),
      hint: expect.stringContaining('Remove "insecure = true"'),
    });
  });
});

describe('the way to the server', () => {
  test.each([
    ['no such name', 'no-such-host.invalid:9093', "can't be resolved"],
    ['nobody listens', '127.0.0.1:1', 'Nothing listens'],
  ])('%s', async (_what, address, text) => {
    expect(found(await doctor(await projectAt(address)), 'tls')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining(text),
      hint: expect.stringContaining('Check "address"'),
    });
  });

  test('a port that says nothing', async () => {
    const server: Server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as { port: number };
    expect(found(await doctor(await projectAt(`127.0.0.1:${port}`)), 'tls')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('does not answer'),
    });
  });

  const PROXIES: readonly (readonly [string, ProxyOptions, string | undefined])[] = [
    ['stands there', {}, undefined],
    ['wants a login', { login: 'ann:secret' }, 'wants a user name and password'],
    ['refuses', { refuse: 403 }, 'does not let connections'],
    ['finds no way', { hosts: { [NAME]: '127.0.0.1:1' } }, "can't reach"],
  ];
  test.each(PROXIES)('a proxy that %s', async (_what, options, text) => {
    const tls = await selfSigned({ names: [NAME] });
    const fake = await fakeWith(tls);
    const proxy = await startProxy({ hosts: { [NAME]: '127.0.0.1' }, ...options });
    closing.push(() => proxy.stop());
    const project = await projectAt(`${NAME}:${fake.port}`, tls.cert);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const findings = await doctor(project, { env });
    expect(found(findings, 'proxy')).toMatchObject({ state: 'ok', text: `${env.HTTPS_PROXY}, from HTTPS_PROXY` });
    if (text === undefined) expect(found(findings, 'server').state).toBe('ok');
    else expect(found(findings, 'tls')).toMatchObject({ state: 'fail', text: expect.stringContaining(text) });
  });

  test('a proxy that is not there; one that is none; a server that needs none', async () => {
    const project = await projectAt(`${NAME}:9093`);
    const gone = await doctor(project, { env: { HTTPS_PROXY: 'http://ann:canary@127.0.0.1:1' } });
    expect(found(gone, 'tls')).toMatchObject({ state: 'fail', text: expect.stringContaining("can't be reached") });
    expect(JSON.stringify(gone)).not.toContain('canary');
    const wrong = await doctor(project, { env: { HTTPS_PROXY: 'socks5://127.0.0.1:1' } });
    expect(found(wrong, 'proxy')).toMatchObject({ state: 'fail', hint: expect.stringContaining('NO_PROXY') });
    const exempt = await doctor(project, { env: { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '.example' } });
    expect(found(exempt, 'proxy')).toMatchObject({ state: 'ok', text: `none: NO_PROXY names ${NAME}` });
  });

  test('nginx without HTTP/2 in front of a control plane', async () => {
    const tls = await selfSigned();
    const port = await freePort();
    const project = await projectAt(`localhost:${port}`, tls.cert);
    writeFileSync(join(project.dir, 'key.pem'), tls.key, { mode: 0o600 });
    const site = `server {
      listen 127.0.0.1:${port} ssl;
      ssl_certificate ${join(project.dir, 'ca.pem')};
      ssl_certificate_key ${join(project.dir, 'key.pem')};
      location = /.well-known/jwks.json { return 200 '{"keys":[{"kty":"OKP"}]}'; }
      location / { return 404; }
    }`;
    const nginx = await startNginx(site, port);
    closing.push(() => nginx.stop());
    expect(found(await doctor(project), 'balancer')).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('passes no HTTP/2'),
      hint: expect.stringContaining('h2'),
    });
  });
});

describe('this machine', () => {
  test.each([
    [5_000, 'ok'],
    [45_000, 'warn'],
    [-45_000, 'warn'],
  ])('a clock that is %d ms ahead', async (aheadMs, state) => {
    const { project } = await healthy();
    expect(found(await doctor(project, { aheadMs }), 'clock').state).toBe(state);
  });

  test('variables: known ones by name, a slip of the pen, and verification switched off', async () => {
    const project = await projectAt('127.0.0.1:1');
    const env = { FEDCTL_TOKEN: 'canary', FEDCTL_TIMOUT: '5', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const findings = (await doctor(project, { env })).filter(({ name }) => name === 'environment');
    expect(findings.map(({ state, text }) => `${state} ${text}`)).toEqual([
      'ok set: FEDCTL_TOKEN',
      expect.stringContaining('warn FEDCTL_TIMOUT'),
      expect.stringContaining('warn NODE_TLS_REJECT_UNAUTHORIZED'),
    ]);
    expect(findings[1]?.hint).toBe('Did you mean FEDCTL_TIMEOUT?');
    expect(JSON.stringify(findings)).not.toContain('canary');
  });

  test('T-03: a credential file that others can read, a project that others can write, a login that git tracks', async () => {
    const { tls, fake, project } = await healthy();
    await storeLogin(project, { address: fake.address, ca: tls.cert, tokens: issue(fake.state) });
    expect(found(await doctor(project), 'login')).toMatchObject({
      state: 'ok',
      text: expect.stringMatching(/for .+, private; storage: file$/),
    });
    const file = join(project.dir, '.flwr/.credentials/lab.json');
    chmodSync(file, 0o644);
    expect(found(await doctor(project), 'login').state).toBe('fail');
    chmodSync(file, 0o600);
    chmodSync(project.dir, 0o775);
    expect(found(await doctor(project), 'project')).toMatchObject({
      state: 'warn',
      hint: `Run: chmod go-w ${project.dir}`,
    });
    chmodSync(project.dir, 0o700);
    const git = (...args: string[]) => execFileSync('git', args, { cwd: project.dir, stdio: 'pipe' });
    git('init', '-q');
    git('add', '-f', file);
    expect(found(await doctor(project), 'login')).toMatchObject({
      state: 'fail',
      hint: expect.stringContaining('git rm'),
    });
  });

  test('an agent that is named and not there', async () => {
    const project = await projectAt('127.0.0.1:1');
    const env = { FEDCTL_AGENT_SOCK: join(project.dir, 'nobody.sock') };
    expect(found(await doctor(project, { env }), 'agent')).toMatchObject({ state: 'fail' });
  });
});

describe('what the server says of its parts', () => {
  test('a part that is not well, such as a model in OpenFGA that is another one', async () => {
    const { fake, project } = await healthy();
    const detail = 'Model 01H in OpenFGA store 01G is not the one that this server wrote.';
    fake.state.components = [{ name: 'openfga', ok: false, detail }];
    expect(found(await doctor(project), 'openfga')).toMatchObject({ state: 'fail', text: detail });
  });

  test('the ways to log in at each identity provider', async () => {
    const { fake, project } = await healthy();
    fake.state.providers = [
      { alias: 'one', name: 'One', issuer: 'https://one.example', grants: ['device_code', 'code'] },
      { alias: 'two', name: 'Two', issuer: 'https://two.example', grants: [] },
    ];
    const findings = await doctor(project);
    expect(found(findings, 'login-ways:one').text).toBe('https://one.example: device_code, code');
    expect(found(findings, 'login-ways:two').state).toBe('warn');
  });
});

describe('the command', () => {
  test('exits with 1 where something fails; --json tells all of it', async () => {
    const { fake, project } = await healthy();
    fake.state.components = [{ name: 'engine', ok: false, detail: 'The engine does not answer.' }];
    const { code, stdout } = await project.cli('doctor', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 1,
      success: false,
      error: { code: 'UNHEALTHY', message: 'engine: The engine does not answer.' },
      findings: expect.arrayContaining([expect.objectContaining({ name: 'engine', state: 'fail' })]),
    });
  });

  test('SEC-01: --report tells no token, no name and no path of this machine', async () => {
    const { tls, fake, project } = await healthy();
    const path = join(project.dir, '.flwr/.credentials/lab.json');
    const pair = issue(fake.state);
    const store = openCredentials({ path, origin: fake.address, caPin: caPin(Buffer.from(tls.cert)) });
    await store.write({
      accessToken: new Secret(pair.accessToken),
      refreshToken: new Secret(pair.refreshToken),
      expiresIn: 600,
      sessionId: pair.sessionId,
      account: 'alice-canary',
    });
    fake.state.components = [{ name: 'store', ok: false, detail: `bad ${pair.accessToken} ${'k3'.repeat(20)}` }];
    const { code, stdout } = await project.cli('doctor', '--report');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^```\nfedctl [\d.]+, Node v[\d.]+, /);
    expect(stdout).toContain(fake.address);
    expect(stdout).toContain('<project>/.flwr/.credentials/lab.json for <name>');
    for (const secret of [project.dir, 'alice-canary', pair.accessToken, pair.refreshToken, 'k3k3k3']) {
      expect(stdout).not.toContain(secret);
    }
    expect(readFileSync(path, 'utf8')).toContain(pair.accessToken);
  });
});
