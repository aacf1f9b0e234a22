import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openPlane } from '../../src/cli/control.ts';
import { logIn } from '../../src/cli/login.ts';
import { findToken } from '../../src/cli/token.ts';
import { decodeToken } from '../../src/cli/token-claims-view.ts';
import { callUnary } from '../../src/client/unary.ts';
import { openBrowser } from '../../src/dev/browser.ts';
import { PYPROJECT } from '../support/cli.ts';
import { cliContext, type RecordedContext } from '../support/cli-context.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';
import { PLAIN } from '../support/login-lab.ts';
import { type FakeGithub, MACHINE, type MachineIdp, startFakeGithub, startMachineIdp } from '../support/machine-idp.ts';
import { until } from '../support/until.ts';

/** Whom the server trusts beside its identity provider. */
const trust = (github: string, machines: string) => `
[[trust]]
alias = "github"
issuer = "${github}"
allow-http = true

[[trust-rule]]
trust = "github"
service-account = "ci-bot"
claims = { repository = "lab/model", ref = "refs/heads/main" }

[[trust]]
alias = "machines"
issuer = "${machines}"
token-type = "at+jwt"
allow-http = true

[[trust-rule]]
trust = "machines"
service-account = "trainer"
claims = { sub = "${MACHINE.id}" }
`;

describe('every grant against a real control plane, a real provider and real keys', () => {
  let stack: DevStack;
  let plane: ControlPlane;
  let github: FakeGithub;
  let machines: MachineIdp;
  let dir: string;
  let contexts: RecordedContext[];

  beforeAll(async () => {
    [stack, github, machines] = await Promise.all([
      startDevStack({ engine: 'none', controlPlane: false }),
      startFakeGithub(),
      startMachineIdp(),
    ]);
    const { state } = stack.facts;
    const config = join(state, 'trusting.toml');
    const settings = readFileSync(join(state, 'server.toml'), 'utf8');
    const shared = settings.replace('[[oidc]]', '[[oidc]]\nshare-tokens = true');
    writeFileSync(config, shared + trust(github.issuer, machines.issuer), { mode: 0o600 });
    plane = await startControlPlane({ config });
  }, 120_000);

  afterAll(async () => {
    await plane?.stop();
    await Promise.all([stack?.stop(), github?.stop(), machines?.stop()]);
  }, 60_000);

  beforeEach(() => {
    contexts = [];
    dir = mkdtempSync(join(tmpdir(), 'fedctl-grants-'));
    const { address, ca } = stack.facts;
    const lab = `\n[tool.flwr.federations.lab]\naddress = "${address}"\nroot-certificates = "${ca}"\n`;
    writeFileSync(join(dir, 'pyproject.toml'), PYPROJECT + lab);
  });

  afterEach(() => {
    for (const context of contexts) context.end();
    rmSync(dir, { recursive: true, force: true });
  });

  function context(env: NodeJS.ProcessEnv = {}): RecordedContext {
    const made = cliContext({ cwd: dir, env });
    contexts.push(made);
    return made;
  }

  async function whoAmI(within = context()) {
    const { client, session } = await openPlane(within, []);
    return await session.call(client.sessions.whoAmI.bind(client.sessions), {});
  }

  /** Signs a person in on the pages of the provider, as far as its redirect leads. */
  async function signIn(url: string, name: string) {
    const { password = '' } = stack.facts.accounts.find((one) => one.name === name) ?? {};
    const browser = openBrowser();
    let page = await browser.open(url);
    for (let step = 0; step < 6 && page.forms[0] !== undefined; step += 1) {
      page = await browser.submit(page.forms[0], page.forms[0].id === 'login' ? { login: name, password } : {});
    }
    return page;
  }

  test('code: the browser comes back to this machine, and the server redeems what it brings', async () => {
    const within = context();
    const login = logIn(within, { ...PLAIN, grant: 'code', settings: { redirectPort: 0 }, launchBrowser: false });
    const told = await until(() => / {2}Open: {2}(\S+)/.exec(within.written.err) ?? undefined);
    const url = told[1] ?? '';
    expect(new URL(url).searchParams.get('code_challenge_method')).toBe('S256');
    const page = await signIn(url, 'alice');
    expect(page.html).toContain('You may close this window');
    expect(await login).toMatchObject({ account: 'alice' });
    expect(await whoAmI()).toMatchObject({ kind: 'user', account: 'alice' });
  }, 30_000);

  test('device_code: told by the server, without a poll', async () => {
    const within = context();
    const login = logIn(within, { ...PLAIN, grant: 'device_code' });
    const url = (await until(() => /url=(\S+)/.exec(within.written.err) ?? undefined))[1] ?? '';
    await stack.approve(url, 'bob');
    expect(await login).toMatchObject({ account: 'bob' });
  }, 30_000);

  test("ci: GitHub's id token stands for a service account, and renews the login without any secret", async () => {
    const env = github.jobEnv('lab/model');
    const before = github.given.length;
    expect(await logIn(context(env), PLAIN)).toMatchObject({ account: 'ci-bot' });
    expect(await whoAmI(context(env))).toMatchObject({ kind: 'service_account', account: 'ci-bot' });
    expect(github.given).toHaveLength(before + 1);
    // Longer than what is left of it: the job asks for another.
    const first = await findToken(context(env), { ...TOKEN, time: 60 });
    const spent = JSON.parse(readFileSync(join(dir, '.flwr/.credentials/lab.meta.json'), 'utf8'));
    spent.records[0]['expires-in'] = 10;
    writeFileSync(join(dir, '.flwr/.credentials/lab.meta.json'), JSON.stringify(spent));
    const second = await findToken(context(env), { ...TOKEN, time: 60 });
    expect(second.token.reveal()).not.toBe(first.token.reveal());
    expect(github.given).toHaveLength(before + 2);
  }, 30_000);

  test('ci: the job of another repository gets nothing, and leaves nothing', async () => {
    await expect(logIn(context(github.jobEnv('evil/model')), PLAIN)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    expect(() => readFileSync(join(dir, '.flwr/.gitignore'))).toThrow();
  }, 30_000);

  test("client_credentials: the provider's token of a machine, exchanged", async () => {
    const settings = {
      authority: machines.issuer,
      clientId: MACHINE.id,
      audience: stack.facts.https,
    };
    const env = { FEDCTL_CLIENT_SECRET: MACHINE.secret };
    expect(await logIn(context(env), { ...PLAIN, settings })).toMatchObject({ account: 'trainer' });
    expect(await whoAmI(context(env))).toMatchObject({ kind: 'service_account', account: 'trainer' });
    const wrong = context({ FEDCTL_CLIENT_SECRET: 'wrong' });
    await expect(logIn(wrong, { ...PLAIN, force: true, settings })).rejects.toMatchObject({ reason: 'CLIENT_REFUSED' });
  }, 30_000);

  test('token: narrower by scope, the provider own, and no longer than tokens live', async () => {
    const within = context();
    const login = logIn(within, { ...PLAIN, grant: 'device_code' });
    await stack.approve((await until(() => /url=(\S+)/.exec(within.written.err) ?? undefined))[1] ?? '', 'alice');
    await login;
    const narrow = await findToken(context(), { ...TOKEN, scopes: ['runs:read'] });
    expect(decodeToken(narrow.token).claims.scope).toBe('runs:read');
    const { client } = await openPlane(context(), []);
    const token = narrow.token.reveal();
    const listed = { runIdPrefix: '', limit: 1, cursor: '', federation: '', mine: true };
    expect(await callUnary(client, client.runs.listRuns.bind(client.runs), listed, { token })).toMatchObject({
      runs: [],
    });
    const denied = callUnary(client, client.access.whoIs.bind(client.access), { query: 'alice' }, { token });
    await expect(denied).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const theirs = await findToken(context(), { ...TOKEN, exchange: false });
    expect(theirs.token.reveal()).not.toBe('');
    await expect(findToken(context(), { ...TOKEN, time: 86_400 })).rejects.toMatchObject({
      reason: 'TOKEN_LIFE_TOO_SHORT',
    });
    await expect(findToken(context(), { ...TOKEN, scopes: ['everything'] })).rejects.toMatchObject({
      reason: 'SCOPE_UNKNOWN',
    });
  }, 30_000);
});

/** What `fedctl token` asks without flags. */
const TOKEN = { positionals: [], time: 60, scopes: [], audience: [], exchange: true } as const;
