import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CliResult, startProgram } from '../support/cli.ts';
import { BIN } from '../support/dev-stack.ts';
import { openHttpsBrowser } from '../support/https-browser.ts';
import { passwordOf } from '../support/keycloak.ts';
import { visitKeycloak } from '../support/keycloak-pages.ts';
import type { People, Person } from '../support/people.ts';
import { until } from '../support/until.ts';
import { keycloakPeople, startLogin } from './stage/people.ts';
import { EXCHANGE_AUDIENCE, type OtherPlane, startOther, writeSecret } from './stage/plane.ts';
import { robotToken } from './stage/robot.ts';
import { sharedStage } from './stage/shared.ts';

const stage = sharedStage();
const browser = () => openHttpsBrowser({ ca: stage.keycloak.tls.ca });

describe('code grant with PKCE', () => {
  const people = keycloakPeople(stage);
  afterAll(() => people.leave());

  test.each(['0', '31111'])(
    'over the loopback address, port %s',
    async (port) => {
      const alice = people.person('alice');
      const { url, ended } = await startLogin(alice, '--force', '--grant', 'code', '--redirect-port', port);
      const { searchParams } = new URL(url);
      expect(searchParams.get('code_challenge_method')).toBe('S256');
      expect(searchParams.get('nonce')).toMatch(/.{20,}/);
      const page = await visitKeycloak({ browser: browser(), url, user: 'alice' });
      expect(page.html).toMatch(/close this window/i);
      expect(await ended).toMatchObject({ code: 0 });
      expect(await alice.json(['whoami'])).toMatchObject({ account: 'alice', groups: ['cancer-study', 'everybody'] });
    },
    60_000,
  );

  test('--prompt login: Keycloak asks who it is although its session knows', async () => {
    const [bob, known] = [people.person('bob'), browser()];
    const first = await startLogin(bob, '--grant', 'code', '--redirect-port', '0');
    await visitKeycloak({ browser: known, url: first.url, user: 'bob' });
    expect(await first.ended).toMatchObject({ code: 0 });

    const silent = await startLogin(bob, '--force');
    expect((await known.open(silent.url)).html).toMatch(/close this window/i);
    expect(await silent.ended).toMatchObject({ code: 0 });

    const asked = await startLogin(bob, '--force', '--prompt', 'login');
    const page = await known.open(asked.url);
    expect(page.forms.some(({ fields }) => 'password' in fields)).toBe(true);
    await visitKeycloak({ browser: known, url: asked.url, user: 'bob' });
    expect(await asked.ended).toMatchObject({ code: 0 });
  }, 60_000);

  test('ID-05: --max-age: an older authentication is not taken for a new one', async () => {
    const [bob, known] = [people.person('bob'), browser()];
    const first = await startLogin(bob, '--force', '--grant', 'code', '--redirect-port', '0');
    await visitKeycloak({ browser: known, url: first.url, user: 'bob' });
    await first.ended;
    // Keycloak counts whole seconds.
    const end = Date.now() + 2_000;
    await until(() => Date.now() > end);
    const again = await startLogin(bob, '--force', '--max-age', '0');
    expect((await known.open(again.url)).forms.some(({ fields }) => 'password' in fields)).toBe(true);
    await visitKeycloak({ browser: known, url: again.url, user: 'bob' });
    expect(await again.ended).toMatchObject({ code: 0 });
    expect(await bob.json(['whoami'])).toMatchObject({ account: 'bob' });
  }, 60_000);
});

describe('password grant', () => {
  const people = keycloakPeople(stage);
  let plane: OtherPlane;
  let allowed: People;

  beforeAll(async () => {
    plane = await startOther(stage, { name: 'password', changes: { oidc: { 'allow-password': true } } });
    allowed = keycloakPeople(plane.stage);
  }, 60_000);
  afterAll(async () => {
    people.leave();
    allowed.leave();
    await plane.stop();
  });

  test('BC-01: refused where nobody has allowed it', async () => {
    const { code, stderr } = await withInput(people.person('carol'), passwordOf('carol'), [
      ...['login', '--grant', 'password', '--username', 'carol', '--password-stdin'],
    ]);
    expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.stringMatching(/password/) });
    expect(code).not.toBe(0);
  }, 30_000);

  test('where it is allowed: the right password, and no other', async () => {
    const carol = allowed.person('carol');
    const login = ['login', '--grant', 'password', '--username', 'carol', '--password-stdin'];
    expect(await withInput(carol, 'not-the-password', login)).toMatchObject({ code: 3 });
    expect(await withInput(carol, passwordOf('carol'), login)).toMatchObject({ code: 0 });
    expect(await carol.json(['whoami'])).toMatchObject({ account: 'carol' });
  }, 30_000);
});

describe('machines', () => {
  const people = keycloakPeople(stage);
  const authority = ['--authority', stage.issuer, '--authority-ca', stage.keycloak.tls.ca];
  afterAll(() => people.leave());

  test('client credentials at Keycloak, exchanged for a token of ours', async () => {
    const machine = people.person('carol');
    const secret = writeSecret(stage, 'robot');
    const grant = ['--grant', 'client_credentials', '--client-id', 'robot', '--client-secret-file', secret];
    expect(await machine.fedctl('login', ...grant, ...authority)).toMatchObject({ code: 0 });
    expect(await machine.json(['whoami'])).toMatchObject({ account: 'robot' });
  }, 30_000);

  test('a token of Keycloak as a CI system has it, exchanged without any secret', async () => {
    const machine = people.person('admin');
    const file = join(machine.home, 'token');
    writeFileSync(file, await robotToken(stage), { mode: 0o600 });
    expect(await machine.fedctl('login', '--grant', 'ci', '--token-file', file)).toMatchObject({ code: 0 });
    expect(await machine.json(['whoami'])).toMatchObject({ account: 'robot' });
  }, 30_000);

  test('the same, looked at by introspection', async () => {
    const plane = await startOther(stage, { name: 'introspection', validation: 'introspection' });
    const asked = keycloakPeople(plane.stage);
    try {
      const machine = asked.person('admin');
      const file = join(machine.home, 'token');
      writeFileSync(file, await robotToken(stage), { mode: 0o600 });
      expect(await machine.fedctl('login', '--grant', 'ci', '--token-file', file)).toMatchObject({ code: 0 });
      writeFileSync(file, `${await robotToken(stage)}x`);
      const { code } = await machine.fedctl('login', '--force', '--grant', 'ci', '--token-file', file);
      expect(code).not.toBe(0);
    } finally {
      asked.leave();
      await plane.stop();
    }
  }, 60_000);

  test('RI-02: a token for somebody else is not taken', async () => {
    const machine = people.person('bob');
    const file = join(machine.home, 'token');
    // Of the same issuer, with the audience of the fedctl client alone.
    writeFileSync(file, await robotToken(stage, { client: 'fedctl', user: 'bob' }), { mode: 0o600 });
    const { code, stderr } = await machine.fedctl('login', '--grant', 'ci', '--token-file', file);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.any(String) });
    expect(stderr).not.toContain(EXCHANGE_AUDIENCE);
  }, 30_000);
});

/** Runs the CLI for somebody with `input` on its standard input. */
async function withInput(person: Person, input: string, args: readonly string[]): Promise<CliResult> {
  const env = {
    PATH: process.env.PATH,
    HOME: person.home,
    FLWR_HOME: person.home,
    LANG: 'C.UTF-8',
    FEDCTL_TIMEOUT: '20',
  };
  const program = startProgram(process.execPath, [BIN, ...args], { cwd: person.home, env, leads: true });
  program.child.stdin?.end(`${input}\n`);
  return program.ended;
}
