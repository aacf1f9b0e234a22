import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StackFacts } from '../../src/dev/stack.ts';
import { openWire } from '../support/calls.ts';
import { selfSigned } from '../support/certificates.ts';
import type { RunningCli } from '../support/cli.ts';
import { type ControlPlane, changeConfig, startControlPlane } from '../support/control-plane.ts';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';
import { flowerVenv } from '../support/flower-releases.ts';
import { openRelease, type ReleaseUser } from '../support/flwr-release.ts';
import { type AccountName, allTicks, invitePeople, type People, TICKER, ticksIn } from '../support/people.ts';
import { until } from '../support/until.ts';

/** Any release from 1.37 on. */
const RELEASE = process.env.FEDCTL_TEST_FLWR_HTTP ?? '1.41.0';
/** What nobody should have to read. */
const DUMP = /Traceback|httpx\.|for more information check/i;

const NOT_LOGGED_IN = /Authentication failed\. Please run `flwr login`/;
const UNAVAILABLE = /Connection to the SuperLink is unavailable/;
const NO_SUCH_RUN = /\[code: 16\] There is no run with this id that you may see\. List your runs: flwr ls/;

/** The unmodified flwr over HTTP, before a control plane whose access tokens live for ten seconds. */
describe(`flwr ${RELEASE} over HTTP`, () => {
  let stack: DevStack;
  let config: string;
  let plane: ControlPlane;
  let people: People;
  let folder: string;
  let venv: string;
  let alice: ReleaseUser;
  let bob: ReleaseUser;
  let run = '';
  const said: RunningCli[] = [];

  const user = (name: AccountName, changes: Partial<StackFacts> = {}, home: string = name): ReleaseUser => {
    const { approve } = people.person(name);
    const facts = { ...stack.facts, ...changes };
    return openRelease({ release: RELEASE, venv, home: join(folder, home), facts, approve, said });
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-flwr-http-'));
    stack = await startDevStack({ controlPlane: false });
    const { state } = stack.facts;
    config = changeConfig(join(state, 'server.toml'), join(state, 'short.toml'), { tokens: { access: '10s' } });
    plane = await startControlPlane({ config });
    people = invitePeople(stack.facts);
    venv = await flowerVenv(RELEASE);
    [alice, bob] = [user('alice'), user('bob')];
  }, 240_000);

  afterAll(async () => {
    await plane?.stop();
    await stack?.stop();
    people?.leave();
    for (const { child } of said) if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }, 180_000);

  /** Runs a command that is to fail; its exit code and all that it said. */
  const fails = async (user: ReleaseUser, ...args: string[]) => {
    const { code, stdout, stderr } = await user.cli(...args);
    const text = stdout + stderr;
    expect({ args, code, dump: DUMP.exec(text) }).toEqual({ args, code: 1, dump: null });
    return text.replace(/[│\s]+/g, ' ');
  };
  const submit = async (settings: string): Promise<string> => {
    const { code, stdout } = await alice.cli('run', appOf('alice'), '-c', settings, '--format', 'json');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('"success": true') });
    return String(JSON.parse(stdout)['run-id']);
  };
  const appOf = (name: AccountName): string => join(folder, name, basename(TICKER));

  test('who is not logged in is told how', async () => {
    expect(await fails(bob, 'ls')).toMatch(NOT_LOGGED_IN);
  }, 180_000);

  test('a certificate of nobody we know is no connection', async () => {
    const ca = join(folder, 'other-ca.pem');
    writeFileSync(ca, (await selfSigned()).cert);
    expect(await fails(user('bob', { ca }, 'wrong-ca'), 'ls')).toMatch(UNAVAILABLE);
  }, 180_000);

  test('logs in over the pages of the identity provider', async () => {
    for (const person of [alice, bob]) {
      const { code, stdout } = await person.login();
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/login successful/i) });
    }
    expect(alice.tokens().access).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  }, 180_000);

  test('runs an app and streams its log to the end', async () => {
    const { code, stdout, stderr } = await alice.cli('run', appOf('alice'), '--stream', '-c', 'ticks=5 pause=0.2');
    expect({ code, stderr, ticks: ticksIn(stdout) }).toMatchObject({ code: 0, ticks: allTicks(5) });
    run = /started run (\d+)/.exec(stdout)?.[1] ?? '';
    expect(run).toMatch(/^\d+$/);
  }, 180_000);

  test('ls, ls of one run, its log and what is shown of it', async () => {
    const { runs } = JSON.parse((await alice.cli('ls', '--format', 'json')).stdout);
    expect(runs).toMatchObject([{ 'run-id': run, status: 'finished:completed' }]);
    const one = await alice.ls('--run-id', run);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('The app ran to its end.') });
    for (const args of [[], ['--show']]) {
      const { code, stdout } = await alice.log(run, ...args).ended;
      expect({ args, code, ticks: ticksIn(stdout) }).toEqual({ args, code: 0, ticks: allTicks(5) });
    }
  }, 180_000);

  test('an expired access token is renewed on the way, and the new pair is stored', async () => {
    const before = alice.tokens();
    await until(() => Date.now() > expiryOf(before.access), 15_000);
    expect((await alice.ls()).stdout).toContain(run);
    const after = alice.tokens();
    expect(expiryOf(after.access)).toBeGreaterThan(expiryOf(before.access));
    expect(after.refresh).not.toBe(before.refresh);
  }, 180_000);

  test('so it is for a submit, whose body is on its way when it is refused', async () => {
    const { access } = alice.tokens();
    await until(() => Date.now() > expiryOf(access), 15_000);
    const id = await submit('ticks=10000 pause=0.5');
    const stopped = await alice.stop(id);
    expect(stopped).toMatchObject({ code: 0, stdout: expect.stringContaining(`Run ${id} successfully stopped`) });
    expect(await fails(alice, 'stop', id)).toMatch(/\[code: 18\] The run has finished already\./);
  }, 180_000);

  test('a stranger reads the same sentence for a foreign run as for none', async () => {
    const unknown = String(BigInt(run) - 1n);
    for (const args of [['ls', '--run-id'], ['log']]) expect(await fails(bob, ...args, run)).toMatch(NO_SUCH_RUN);
    const [foreign, nothing] = [await fails(bob, 'stop', run), await fails(bob, 'stop', unknown)];
    expect(foreign).toMatch(NO_SUCH_RUN);
    expect(nothing.replaceAll(unknown, 'ID')).toBe(foreign.replaceAll(run, 'ID'));
    expect((await bob.ls('--format', 'json')).stdout).not.toContain(run);
  }, 180_000);

  test('the address of the gRPC port is as good', async () => {
    const other = user('alice', { https: `https://${stack.facts.address}` }, 'other-port');
    expect(await other.login()).toMatchObject({ code: 0 });
    expect((await other.ls()).stdout).toContain(run);
  }, 180_000);

  test('a log outlives its access token; the server is stopped in mid-log: flwr says so, and later finds all of it', async () => {
    const id = await submit('ticks=32 pause=0.5');
    const log = alice.log(id);
    await log.until('tick 24 of');
    await plane.stop();
    const broken = await log.ended;
    expect(broken.code).toBe(1);
    expect(broken.stderr.replace(/[│\s]+/g, ' ')).toMatch(UNAVAILABLE);
    expect(broken.stdout + broken.stderr).not.toMatch(DUMP);
    plane = await startControlPlane({ config });
    const again = await alice.log(id).ended;
    expect({ code: again.code, ticks: ticksIn(again.stdout) }).toEqual({ code: 0, ticks: allTicks(32) });
  }, 180_000);

  test('after a logout elsewhere the session is over: one sentence, no loop', async () => {
    const wire = openWire(stack.facts);
    const request = { refreshToken: bob.tokens().refresh };
    expect(await wire.call('/fedctl.v1.Sessions/Logout', { request })).toMatchObject({ code: 0 });
    wire.close();
    expect(await fails(bob, 'ls')).toMatch(NOT_LOGGED_IN);
  }, 180_000);
});

/** Epoch ms. */
function expiryOf(jwt: string): number {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')).exp * 1000;
}
