import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from '@jest/globals';
import { bearer, openWire } from '../support/calls.ts';
import { invitePeople, storedTokens } from '../support/people.ts';
import { until } from '../support/until.ts';
import { sharedStack } from './stack/shared.ts';

interface RunRow {
  readonly 'run-id': string;
  readonly status: string;
  readonly [key: string]: unknown;
}
interface Listed {
  readonly success: boolean;
  readonly runs: readonly RunRow[];
}

const ID = /^[1-9]\d{0,19}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** One researcher's day; every test goes on where the one before ended. */
describe('the main job', () => {
  const stack = sharedStack();
  const wire = openWire(stack);
  const people = invitePeople(stack);
  const home = people.person('alice');
  const alice = home.at(join(home.home, 'my-app'));
  let first = '';
  let second = '';

  afterAll(() => {
    wire.close();
    people.leave();
  });

  test('new makes an app; a connection in its pyproject.toml is all that it needs', async () => {
    const made = await home.json<{ files: string[] }>(['new', 'my-app']);
    expect(made).toMatchObject({ success: true, path: join(home.home, 'my-app') });
    const pyproject = join(home.home, 'my-app/pyproject.toml');
    const connection = `address = "${stack.address}"\nroot-certificates = "${stack.ca}"\n`;
    const federations = `\n[tool.flwr.federations]\ndefault = "dev"\n\n[tool.flwr.federations.dev]\n${connection}`;
    writeFileSync(pyproject, readFileSync(pyproject, 'utf8') + federations);
  });

  test('before the login every command says so and exits with 3', async () => {
    for (const args of [['ls'], ['run'], ['log', 'latest'], ['stop', 'latest'], ['whoami']]) {
      const { code, stdout, stderr } = await alice.fedctl(...args);
      expect({ args, code, stdout }).toEqual({ args, code: 3, stdout: '' });
      expect(stderr).toBe('Error: You are not logged in.\nRun: fedctl login\n');
    }
  }, 30_000);

  test('login is approved at the pages of the identity provider', async () => {
    const { code, stdout } = await alice.login();
    expect({ code, stdout }).toEqual({ code: 0, stdout: `Logged in to ${stack.address} as alice.\n` });
    expect(await alice.json(['whoami'])).toMatchObject({
      success: true,
      kind: 'user',
      account: 'alice',
      issuer: stack.issuer,
      subject: 'alice',
      principal: 'user:dev|alice',
      connection: 'dev',
      address: stack.address,
      federation: '@dev/default',
      rights: expect.arrayContaining(['can_run']),
    });
  }, 30_000);

  test('run --stream trains on two nodes and shows the accuracy rise', async () => {
    const { code, stdout, stderr } = await alice.fedctl('run', '--stream', '-c', 'num-server-rounds=3');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('The run has completed.') });
    first = /^Run (\d+) of \S+\/my-app is submitted to @dev\/default\.$/m.exec(stdout)?.[1] ?? '';
    expect(first).toMatch(ID);
    const rounds = [...stdout.matchAll(/round (\d)\/3 {2}accuracy (\d\.\d+) .* clients 2$/gm)];
    expect(rounds.map(([, round]) => round)).toEqual(['1', '2', '3']);
    const accuracies = rounds.map(([, , accuracy]) => Number(accuracy));
    expect(accuracies.at(-1)).toBeGreaterThan(accuracies[0] ?? 1);
  }, 120_000);

  test('ls shows it, as a table and as a document with the keys of flwr', async () => {
    const { code, stdout } = await alice.fedctl('ls');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${first} .* completed `, 'm'));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const { success, runs } = await alice.json<Listed>(['ls']);
    expect({ success, count: runs.length }).toEqual({ success: true, count: 1 });
    expect(runs[0]).toEqual({
      'run-id': first,
      federation: '@dev/default',
      'fab-id': expect.stringMatching(/\/my-app$/),
      'fab-name': 'my-app',
      'fab-version': '1.0.0',
      'fab-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      status: 'finished:completed',
      'status-details': expect.any(String),
      elapsed: expect.any(Number),
      'pending-at': expect.stringMatching(TIME),
      'starting-at': expect.stringMatching(TIME),
      'running-at': expect.stringMatching(TIME),
      'finished-at': expect.stringMatching(TIME),
      'created-at': expect.stringMatching(TIME),
      owner: 'alice',
      mine: true,
      'request-id': expect.any(String),
    });
  }, 30_000);

  test('log --show prints all of it again, log follows to the end and exits with the outcome', async () => {
    const shown = await alice.fedctl('log', first, '--show');
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/round 1\/3 .*training finished/s) });
    const followed = await alice.fedctl('log', 'latest');
    expect(followed).toMatchObject({ code: 0, stdout: shown.stdout });
    expect(await alice.json(['log', first, '--show'])).toEqual({
      success: true,
      'run-id': first,
      status: 'finished:completed',
      log: shown.stdout,
    });
  }, 30_000);

  test('a second run: its document, its place at the top of ls, a prefix of its id', async () => {
    const submitted = await alice.json(['run', '-c', 'num-server-rounds=500', '-c', 'min-nodes=99']);
    second = String(submitted['run-id']);
    expect(submitted).toMatchObject({
      success: true,
      'run-id': expect.stringMatching(ID),
      federation: '@dev/default',
      'fab-name': 'my-app',
      'fab-version': '1.0.0',
      'fab-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      'fab-filename': expect.stringMatching(/my-app\.1-0-0\.[0-9a-f]{8}\.fab$/),
    });
    const { runs } = await alice.json<Listed>(['ls']);
    expect(runs.map((run) => run['run-id'])).toEqual([second, first]);
    const one = await alice.json<Listed>(['ls', '--run-id', second.slice(0, 12)]);
    expect(one.runs.map((run) => run['run-id'])).toEqual([second]);
  }, 30_000);

  test('stop latest stops it; who follows its log learns it by exit code 11', async () => {
    await until(
      async () => (await alice.json<Listed>(['ls', '--run-id', second])).runs[0]?.status === 'running',
      60_000,
    );
    const follower = alice.start('log', second.slice(0, 12));
    const stopped = await alice.json(['stop', 'latest']);
    expect(stopped).toMatchObject({ success: true, 'run-id': second });
    expect(await follower.ended).toMatchObject({ code: 11, stderr: expect.stringContaining('The run was stopped.') });
    expect((await alice.fedctl('log', second)).code).toBe(11);
    expect((await alice.fedctl('log', second, '--show')).code).toBe(0);
    const { runs } = await alice.json<Listed>(['ls', '--limit', '1']);
    expect(runs).toMatchObject([{ 'run-id': second, status: 'finished:stopped' }]);
  }, 90_000);

  test('what can not be done has one sentence and its exit code', async () => {
    const failures = [
      { args: ['stop', second], code: 1, error: /finished|ended/ },
      { args: ['stop', '18446744073709551615'], code: 5, error: /no run/ },
      { args: ['log', '18446744073709551616'], code: 2, error: /larger than any run id/ },
      { args: ['log', 'abc'], code: 2, error: /no run id/ },
      { args: ['ls', '--bogus'], code: 2, error: /bogus/ },
      { args: ['run', '-c', 'no-such-key=1'], code: 2, error: /no-such-key/ },
      { args: ['run', '--federation', '@no/where'], code: 5, error: /@no\/where/ },
      { args: ['admin', 'grant', 'bob', 'viewer', 'federation:@dev/default'], code: 4, error: /not permitted/ },
    ];
    for (const { args, code, error } of failures) {
      const result = await alice.fedctl(...args, '--json');
      expect({ args, ...result }).toMatchObject({ args, code, stderr: '' });
      const document = JSON.parse(result.stdout);
      const message = document['error-message'];
      expect(document).toEqual({
        success: false,
        'error-message': expect.stringMatching(error),
        error: { code: expect.stringMatching(/^[A-Z_]+$/), message, hint: document.error.hint },
      });
      expect(['string', 'object']).toContain(typeof document.error.hint);
    }
  }, 60_000);

  test('logout ends the session: ls exits with 3, and a copy of the tokens is worth nothing', async () => {
    const copy = storedTokens(join(home.home, 'my-app/.flwr/.credentials/dev.json'));
    const metadata = bearer(copy.access);
    expect((await wire.call('/fedctl.v1.Sessions/WhoAmI', { request: {}, metadata })).code).toBe(status.OK);
    expect(await alice.json(['logout'])).toEqual({
      success: true,
      'logged-out': true,
      'provider-revoked': true,
      address: stack.address,
      account: 'alice',
      'end-session-url': null,
      'accounts-left': [],
    });
    expect((await alice.fedctl('ls')).code).toBe(3);
    const [call, renewal] = [
      await wire.call('/fedctl.v1.Sessions/WhoAmI', { request: {}, metadata }),
      await wire.call('/fedctl.v1.Sessions/Renew', { request: { refreshToken: copy.refresh } }),
    ];
    for (const answer of [call, renewal]) {
      expect(answer).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'SESSION_ENDED', messages: [] });
    }
  }, 30_000);
});
