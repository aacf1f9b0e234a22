import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunningCli } from '../support/cli.ts';
import { type ControlPlane, changeConfig, startControlPlane } from '../support/control-plane.ts';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';
import { allTicks, invitePeople, type People, type Person, TICKER, ticksIn } from '../support/people.ts';
import { until } from '../support/until.ts';

type Row = Readonly<Record<string, unknown>>;

/** What nobody should have to read: a stack, or how gRPC prints an error object. */
const DUMP = /Traceback|RpcError|StatusCode|debug_error_string/;
/** Longer than the 60 s after which flwr opens its log stream anew (flower facts, section 6). */
const LONG = 68;

/** flwr 1.32.1 as it comes, before a control plane whose access tokens live for ten seconds. */
describe('the unmodified flwr', () => {
  let stack: DevStack;
  let config: string;
  let plane: ControlPlane;
  let people: People;
  let alice: Person;
  let bob: Person;
  let carol: Person;
  /** carol's run, whose log she follows while everything else happens. */
  let long: { id: string; log: RunningCli; before: { access: string; refresh: string } };
  /** alice's run, made by flwr. */
  let trained = '';

  beforeAll(async () => {
    stack = await startDevStack({ controlPlane: false });
    const { state } = stack.facts;
    config = changeConfig(join(state, 'server.toml'), join(state, 'short.toml'), { tokens: { access: '10s' } });
    plane = await startControlPlane({ config });
    people = invitePeople(stack.facts);
    [alice, bob, carol] = [people.person('alice'), people.person('bob'), people.person('carol')];
  }, 120_000);

  afterAll(async () => {
    await plane?.stop();
    await stack?.stop();
    people?.leave();
  }, 60_000);

  test('logs in over the pages of the identity provider', async () => {
    for (const person of [alice, bob, carol]) {
      const { code, stdout } = await person.flwr.login();
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/login successful/i) });
      expect(person.flwr.tokens().access).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    }
    expect((await alice.login()).code).toBe(0);
  }, 60_000);

  test('runs an app on two nodes and streams its log', async () => {
    long = await followLongRun(carol);
    await alice.json(['new', 'my-app']);
    const args = ['run', join(alice.home, 'my-app'), '--stream', '-c', 'num-server-rounds=2'];
    const { code, stdout, stderr } = await alice.flwr.cli(...args);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/round 1\/2 {2}accuracy .*round 2\/2 {2}accuracy .*training finished/s);
    trained = String((await flwrRuns(alice))[0]?.['run-id']);
    expect(stdout).toContain(trained);
  }, 120_000);

  test('a call with an expired access token is answered, and the new pair is stored', async () => {
    const before = alice.flwr.tokens();
    await until(() => Date.now() > expiryOf(before.access), 15_000);
    expect((await flwrRuns(alice)).map((run) => run['run-id'])).toContain(trained);
    const after = alice.flwr.tokens();
    expect(after.access).not.toBe(before.access);
    expect(after.refresh).not.toBe(before.refresh);
    expect(expiryOf(after.access)).toBeGreaterThan(expiryOf(before.access));
  }, 60_000);

  test('ls shows what fedctl shows: the same runs under the same keys', async () => {
    const own = await alice.tick({ ticks: 2, pause: 0.1 });
    await alice.fedctl('log', own);
    const byFlwr = await flwrRuns(alice);
    const { runs: byFedctl } = await alice.json<{ runs: Row[] }>(['ls']);
    expect(byFlwr.map((run) => run['run-id'])).toEqual([own, trained]);
    expect(byFedctl.map((run) => run['run-id'])).toEqual([own, trained]);
    for (const [index, theirs] of byFlwr.entries()) {
      // Engine statistics that fedctl does not keep; and each client counts a run's seconds in its own way.
      const { 'network-traffic': _, 'compute-time': __, elapsed, ...facts } = theirs;
      const ours = byFedctl[index] ?? {};
      for (const key of Object.keys(facts))
        expect({ key, value: sameTime(ours[key]) }).toEqual({ key, value: sameTime(facts[key]) });
      expect(Math.abs(Number(elapsed) - Number(ours.elapsed))).toBeLessThan(1);
    }
    const one = await alice.flwr.cli('ls', '--run-id', trained);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('finished:completed') });
    expect(one.stdout).toContain(trained);
    expect(one.stdout).not.toContain(own);
  }, 60_000);

  test('log prints the whole log, and log --show prints the same', async () => {
    const followed = await alice.flwr.cli('log', trained);
    const shown = await alice.flwr.cli('log', trained, '--show');
    for (const { code, stdout } of [followed, shown]) {
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/round 1\/2 .*training finished/s) });
    }
    const ours = (await alice.fedctl('log', trained, '--show')).stdout;
    expect(plain(followed.stdout)).toBe(plain(ours));
    expect(plain(shown.stdout)).toBe(`${plain(ours)}\n`);
  }, 60_000);

  test('stop stops a run of fedctl', async () => {
    const id = await alice.tick({ ticks: 10_000, pause: 0.5 });
    const { code, stdout } = await alice.flwr.cli('stop', id);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`Run ${id} successfully stopped`) });
    expect((await alice.fedctl('log', id)).code).toBe(11);
    const again = await alice.flwr.cli('stop', id);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('The run has finished already.') });
    expect(again.stderr).not.toMatch(DUMP);
  }, 60_000);

  test('a stranger reads a sentence, the same for a foreign run as for none; so does who is not logged in', async () => {
    const unknown = String(BigInt(trained) - 1n);
    const cases = [
      { args: ['stop'], code: 1, sentence: /Run ID.* not found/ },
      { args: ['ls', '--run-id'], code: 1, sentence: /Run ID.* not found/ },
      { args: ['log'], code: 1, sentence: /Run ID.* not found/ },
      // This one flwr takes for no failure.
      { args: ['log', '--show'], code: 0, sentence: /Invalid run_id/ },
    ];
    for (const { args, code, sentence } of cases) {
      const { stdout, stderr, ...foreign } = await bob.flwr.cli(...args, trained);
      expect({ args, ...foreign }).toMatchObject({ args, code });
      expect(stdout + stderr).toMatch(sentence);
      expect(stdout + stderr).not.toMatch(DUMP);
    }
    const [foreign, nothing] = [await bob.flwr.cli('stop', trained), await bob.flwr.cli('stop', unknown)];
    expect(nothing.code).toBe(foreign.code);
    expect(nothing.stderr.replaceAll(unknown, 'ID')).toBe(foreign.stderr.replaceAll(trained, 'ID'));
    expect(await flwrRuns(bob)).toEqual([]);
    const nobody = await people.person('admin').flwr.cli('ls');
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('flwr login') });
    expect(nobody.stderr).not.toMatch(DUMP);
  }, 120_000);

  test('who may see a run and not stop it is told what is missing', async () => {
    await alice.json(['admin', 'grant', 'bob', 'viewer', `run:${trained}`]);
    await until(async () => (await flwrRuns(bob)).some((run) => run['run-id'] === trained));
    const { code, stderr } = await bob.flwr.cli('stop', trained);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('You are not permitted to do this') });
    expect(stderr).not.toMatch(DUMP);
  }, 60_000);

  test('a log is whole although its tokens expired several times under way, and its new pair is good', async () => {
    const { code, stdout, stderr } = await long.log.ended;
    expect({ code, stderr: stderr.match(DUMP) }).toEqual({ code: 0, stderr: null });
    expect(ticksIn(stdout)).toEqual(allTicks(LONG));
    const after = carol.flwr.tokens();
    expect(after.access).not.toBe(long.before.access);
    expect(after.refresh).not.toBe(long.before.refresh);
    expect(await flwrRuns(carol)).toMatchObject([{ 'run-id': long.id, status: 'finished:completed' }]);
  }, 120_000);

  test('the server is killed in mid-log: flwr says so and finds all of it afterwards; fedctl takes it up by itself', async () => {
    const id = await alice.tick({ ticks: 16, pause: 1 });
    const logs = { flwr: alice.flwr.start('log', id), fedctl: alice.start('log', id) };
    await Promise.all([logs.flwr.until('tick 2 of'), logs.fedctl.until('tick 2 of')]);
    await plane.kill();
    const broken = await logs.flwr.ended;
    expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining('unavailable') });
    expect(broken.stderr).not.toMatch(DUMP);
    plane = await startControlPlane({ config });

    const { code, stdout } = await logs.fedctl.ended;
    expect({ code, ticks: ticksIn(stdout) }).toEqual({ code: 0, ticks: allTicks(16) });
    const again = await alice.flwr.cli('log', id);
    expect({ code: again.code, ticks: ticksIn(again.stdout) }).toEqual({ code: 0, ticks: allTicks(16) });
  }, 120_000);
});

async function followLongRun(person: Person) {
  const submitted = await person.flwr.cli('run', TICKER, '-c', `ticks=${LONG} pause=1.0`, '--format', 'json');
  const document = JSON.parse(submitted.stdout);
  expect(document).toMatchObject({ success: true, federation: '@dev/default', 'fab-id': 'lab/ticker' });
  const id = String(document['run-id']);
  const before = person.flwr.tokens();
  const log = person.flwr.start('log', id);
  await log.until('Starting logstream');
  return { id, log, before };
}

async function flwrRuns(person: Person): Promise<Row[]> {
  const { stdout } = await person.flwr.cli('ls', '--format', 'json');
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({ success: true });
  return document.runs;
}

/** Epoch ms. */
function expiryOf(jwt: string): number {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')).exp * 1000;
}

/** flwr prints whole seconds and a space where RFC 3339 has a T. */
function sameTime(value: unknown): unknown {
  const time = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/.exec(String(value));
  return time ? `${time[1]} ${time[2]}` : value;
}

/** Without the colours that the engine writes into its logs, and without what flwr says of itself. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours
  return text.replace(/\u001b\[[0-9;]*m/g, '').replace(/^Using SuperLink: .*\n/, '');
}
