import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned, type TestPair } from '../../support/certificates.ts';
import { BIN, type CliProject, makeProject, runCli, startProgram, storeLogin } from '../../support/cli.ts';
import { type ControlFake, fakeRun, issue, startControlFake } from '../../support/control-fake.ts';

let tls: TestPair;
let fake: ControlFake;
let project: CliProject;

beforeEach(async () => {
  tls = await selfSigned();
  fake = await startControlFake({ tls });
  project = await makeProject({ address: fake.address, ca: tls.cert });
  await mkdir(join(project.dir, 'tiny'));
  await writeFile(join(project.dir, 'tiny/server.py'), 'app = None\n');
  await writeFile(join(project.dir, 'tiny/client.py'), 'app = None\n');
  await storeLogin(project, { address: fake.address, ca: tls.cert, tokens: issue(fake.state) });
});

afterEach(async () => {
  await fake.kill();
  await project.remove();
});

describe('run', () => {
  test('bundles, uploads, prints the id', async () => {
    const { code, stdout } = await project.cli('run', '-c', 'num-server-rounds=5');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Run 1000000000000000000 of /) });
    expect(fake.state.submitted).toMatchObject([
      { size: expect.any(Number), runConfig: { 'num-server-rounds': { sint64: 5n } } },
    ]);
  });

  test('I3: an answer that gets lost is asked for again under the same request id: one run', async () => {
    fake.state.loseAnswer = true;
    const { code, stdout } = await project.cli('run', '--json');
    expect(code).toBe(0);
    expect(fake.state.submitted).toHaveLength(2);
    expect(fake.state.runs).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      success: true,
      'run-id': '1000000000000000000',
      'fab-id': 'tester/tiny',
    });
  });

  test('a refusal is not repeated', async () => {
    fake.state.failNext = [{ code: 7, reason: 'NOT_PERMITTED', message: 'You may not run here.' }];
    expect(await project.cli('run')).toMatchObject({ code: 4, stderr: 'Error: You may not run here.\n' });
    expect(fake.state.submitted).toHaveLength(0);
  });

  test('an unknown key in -c is a sentence, and nothing is sent', async () => {
    const { code, stderr } = await project.cli('run', '-c', 'num-server-round=5');
    expect(code).toBe(2);
    expect(stderr).toContain('num-server-rounds');
    expect(fake.state.submitted).toHaveLength(0);
  });

  test.each([
    ['finished:completed', 0],
    ['finished:failed', 10],
    ['finished:stopped', 11],
    ['lost', 10],
  ])('--stream exits with the outcome: %s is %i', async (status, code) => {
    fake.state.log = Buffer.from('round 1\n');
    fake.state.runs = [fakeRun({ requestId: 'r1', status, runId: 42n })];

    const result = await project.cli('run', '--stream', '--request-id', 'r1');
    expect(result.stdout).toContain('round 1\n');
    expect(result.code).toBe(code);
  });

  test('T-21: --stream --json tells a reason without what could act on a terminal', async () => {
    fake.state.runs = [
      fakeRun({ requestId: 'r1', status: 'finished:failed', runId: 42n, reason: 'a\u202eb\u001b[2Jc' }),
    ];
    const { stdout } = await project.cli('run', '--stream', '--json', '--request-id', 'r1');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'finished:failed', 'status-details': 'abc' });
  });
});

describe('log', () => {
  const log = `${Array.from({ length: 200 }, (_, index) => `line ${index}`).join('\n')}\n`;

  test('F-27, I9: a stream that breaks is taken up where it broke: no gap, no line twice', async () => {
    fake.state.log = Buffer.from(log);
    fake.state.breakAt = 500;
    fake.state.runs = [fakeRun({ runId: 42n, status: 'finished:completed' })];
    const { code, stdout, stderr } = await project.cli('log', '42');
    expect(stdout).toBe(log);
    expect(code).toBe(0);
    expect(stderr).toContain('The connection was lost');
  });

  test('F-27: the server is killed in mid-stream and comes back on its port', async () => {
    const cut = 700;
    fake.state.log = Buffer.from(log.slice(0, cut));
    fake.state.runs = [fakeRun({ runId: 42n })];
    const following = project.start('log', '42');
    await following.until(log.slice(cut - 20, cut).trim());
    const { port, state } = fake;
    await fake.kill();
    await following.until('The connection was lost');
    state.log = Buffer.from(log);
    state.runs = [fakeRun({ runId: 42n, status: 'finished:failed', reason: 'boom' })];
    fake = await startControlFake({ tls, port, state });
    const { code, stdout, stderr } = await following.ended;
    expect(stdout).toBe(log);
    expect(code).toBe(10);
    expect(stderr).toContain('The run has failed: boom');
  });

  test('a token that expires in mid-stream is renewed, and the log goes on', async () => {
    fake.state.log = Buffer.from(log);
    fake.state.breakAt = 300;
    fake.state.runs = [fakeRun({ runId: 42n, status: 'finished:completed' })];
    fake.state.expireOnBreak = true;
    const { code, stdout } = await project.cli('log', '42');
    expect(stdout).toBe(log);
    expect(code).toBe(0);
    expect(fake.state.renewals).toBe(1);
  });

  test('--show prints what there is and ends with 0', async () => {
    fake.state.log = Buffer.from('one\ntwo\n');
    fake.state.runs = [fakeRun({ runId: 42n })];
    expect(await project.cli('log', 'latest', '--show')).toMatchObject({ code: 0, stdout: 'one\ntwo\n' });
  });

  test('T-21: escape sequences never reach a pipe', async () => {
    fake.state.log = Buffer.from('\u001b[92mINFO\u001b[0m ok\n\u001b]52;c;ZXZpbA==\u0007\u001b[2Jx\u202ey\r\nz\n');
    fake.state.runs = [fakeRun({ runId: 42n, status: 'finished:completed' })];
    expect((await project.cli('log', '42')).stdout).toBe('INFO ok\nxy\nz\n');
  });

  test('an unknown run', async () => {
    expect(await project.cli('log', '42')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('There is no such run.'),
    });
  });
});

describe('ls', () => {
  test('fits 80 columns, newest first, remote text made safe', async () => {
    fake.state.runs = [
      fakeRun({ reason: 'a very long reason that tells everything there is to tell about this run' }),
      fakeRun({
        runId: 7n,
        app: 'evil\u001b[2J/app',
        status: 'finished:failed',
        finishedAt: '2026-11-22T17:59:20.000000+00:00',
        mine: false,
        owner: 'bob',
      }),
    ];
    const { code, stdout } = await project.cli('ls');
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toMatchInlineSnapshot(`
"RUN ID                APP                  STATUS   ELAPSED  FEDERATION    OWNER
12345678901234567890  flowerlabs/quickst…  running  1:40     @lab/default  you
  REASON  a very long reason that tells everything there is to tell about this …
7                     evil/app             failed   1:00     @lab/default  bob
"
`);
  });

  test("JSON: flwr's keys, ids as strings", async () => {
    fake.state.runs = [fakeRun()];
    const { stdout } = await project.cli('ls', '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      success: true,
      'next-cursor': null,
      runs: [
        {
          'run-id': '12345678901234567890',
          'fab-name': 'quickstart',
          status: 'running',
          elapsed: 100,
          'finished-at': 'N/A',
        },
      ],
    });
  });

  test('the way to the next page is the same question', async () => {
    fake.state.runs = Array.from({ length: 21 }, (_, index) => fakeRun({ runId: BigInt(index + 1), mine: true }));
    expect((await project.cli('ls')).stderr).toBe('More: fedctl ls --cursor c2\n');
    const { stderr } = await project.cli('ls', '.', 'lab', '--mine', '--limit', '5');
    expect(stderr).toBe('More: fedctl ls . lab --mine --limit 5 --cursor c2\n');
  });

  test('--run-id by prefix shows one run in full', async () => {
    fake.state.runs = [fakeRun(), fakeRun({ runId: 7n })];
    expect((await project.cli('ls', '--run-id', '123456')).stdout).toMatch(/^Run: +12345678901234567890\n/);
  });

  test('a prefix of two runs is refused with both', async () => {
    fake.state.runs = [fakeRun({ runId: 123456781n }), fakeRun({ runId: 123456782n })];
    expect(await project.cli('stop', '1234567')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('123456781, 123456782'),
    });
  });

  test('output that can not be written is one sentence', async () => {
    fake.state.runs = [fakeRun()];
    const full = startProgram('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, BIN, 'ls'], {
      cwd: project.dir,
      env: { PATH: process.env.PATH, HOME: project.dir },
    });
    expect(await full.ended).toMatchObject({ code: 1, stderr: "Error: The output can't be written (ENOSPC).\n" });
  });

  test('a reader that leaves early is no failure', async () => {
    fake.state.runs = Array.from({ length: 200 }, (_, index) => fakeRun({ runId: BigInt(index + 1) }));
    const running = project.start('ls', '--limit', '200', '--json');
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('tokens', () => {
  test('CF-04, F-32: 50 processes with one expired token: one renewal, 50 successes', async () => {
    for (const token of fake.state.accessTokens) fake.state.expiredTokens.add(token);
    fake.state.renewDelayMs = 200;
    const all = await Promise.all(Array.from({ length: 50 }, () => project.cli('whoami')));
    expect(all.map(({ code, stderr }) => ({ code, stderr }))).toEqual(all.map(() => ({ code: 0, stderr: '' })));
    expect(fake.state.renewals).toBe(1);
  }, 120_000);

  test('F-03: no renewal while the server is away: unavailable, and the file stays', async () => {
    const file = join(project.dir, '.flwr/.credentials/lab.json');
    const before = await readFile(file, 'utf8');
    await fake.kill();
    expect((await project.cli('whoami')).code).toBe(6);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  test('CF-07: a damaged credential file is named, and left as it is', async () => {
    const file = join(project.dir, '.flwr/.credentials/lab.json');
    await writeFile(file, '{"authn-type": "oi', { mode: 0o600 });
    expect(await project.cli('whoami')).toMatchObject({ code: 1, stderr: expect.stringContaining(file) });
    expect(await readFile(file, 'utf8')).toBe('{"authn-type": "oi');
  });

  test('CF-05, T-07: tokens go to no other origin', async () => {
    const other = await startControlFake({ tls });
    await project.connect([`address = "${other.address}"`, 'root-certificates = "ca.pem"']);
    expect((await project.cli('whoami')).code).toBe(3);
    expect(other.state.requests).toEqual([]);
    await other.kill();
  });
});

test('doctor tells what is well', async () => {
  const { code, stdout } = await project.cli('doctor', '--json');
  const { findings } = JSON.parse(stdout);
  expect(findings.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`)).toEqual([
    'config ok',
    'environment ok',
    'project ok',
    'authority ok',
    'login ok',
    'tls ok',
    'server ok',
    'flwr ok',
    'clock ok',
    'openfga ok',
  ]);
  expect(code).toBe(0);
});

test('can exits with 4 for no; admin prints sentences', async () => {
  expect(await project.cli('can', 'list', 'federation:@lab/default')).toMatchObject({ code: 0, stdout: 'Yes.\n' });
  expect(await project.cli('can', 'run', 'federation:@lab/default')).toMatchObject({ code: 4, stdout: 'No.\n' });
  expect((await project.cli('admin', 'grant', 'bob', 'viewer', 'run:1', '--for', '1h')).stdout).toBe(
    'bob is viewer of run:1 until in 3600 s.\n',
  );
  expect((await project.cli('admin', 'grant', 'bob', 'viewer', 'run:1', '--for', 'soon')).code).toBe(2);
  expect((await project.cli('admin', 'revoke', 'bob', 'viewer', 'run:1')).stdout).toBe(
    'bob is no longer viewer of run:1.\n',
  );
  expect((await project.cli('admin', 'grants', '--tuples')).stdout).toBe('user:dev|bob viewer run:1\n');
  expect((await project.cli('admin', 'whois', 'nobody')).code).toBe(5);
});

test('new makes an app that build bundles', async () => {
  expect((await project.cli('new', 'my-app')).code).toBe(0);
  const built = await runCli(['build', 'my-app', '--json'], { cwd: project.dir });
  expect(JSON.parse(built.stdout)).toMatchObject({ success: true, 'fab-version': '1.0.0' });
});
