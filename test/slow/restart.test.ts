import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isFinal } from '../../src/core/runs.ts';
import { prepareCertificates } from '../../src/dev/ca.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { type ControlPlane, tryControlPlane } from '../support/control-plane.ts';
import { findViolations, readEngineRuns, readRows, type StatusHistory, watchStatuses } from '../support/invariants.ts';
import { allTicks, type Person, TICKER, ticksIn } from '../support/people.ts';
import type { TestSuperLink } from '../support/superlink.ts';
import { until } from '../support/until.ts';

let stage: Stage;
let engine: TestSuperLink;
let plane: ControlPlane;
let alice: Person;
let statuses: StatusHistory;

beforeAll(async () => {
  const changes = { runs: { reconcile: '500ms', unmatched: '25s' }, server: { 'drain-timeout': '1s' } };
  stage = await setStage({ engine: { nodes: 0 }, changes });
  engine = stage.engine as TestSuperLink;
  plane = await stage.serve();
  alice = stage.people.person('alice');
  await alice.login();
  statuses = watchStatuses(stage.database);
}, 120_000);
afterAll(async () => {
  statuses?.end();
  await stage?.close();
}, 60_000);

const statusOf = (id: string) => readRows(stage.database).find((row) => row.id === id)?.status;
const engineBook = () => join(engine.folder, 'state.db');

describe('the server ends and comes back while a log is followed', () => {
  test('F-27, F-28, I9: over a SIGKILL and a SIGTERM: no gap, no line twice, the outcome of the run', async () => {
    const id = await alice.tick({ ticks: 200, pause: 0.1 });
    const following = alice.start('log', id);
    await following.until('tick 5 of');
    await plane.kill();
    await following.until('The connection was lost');
    plane = await stage.serve();
    const seen = ticksIn(following.out()).length;
    await until(() => ticksIn(following.out()).length > seen, 30_000);
    const begun = performance.now();
    expect(await plane.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(following.err().match(/The connection was lost/g)).toHaveLength(2);
    expect(following.child.exitCode).toBeNull();
    plane = await stage.serve();
    const { code, stdout, stderr } = await following.ended;
    expect(code).toBe(0);
    expect(ticksIn(stdout)).toEqual(allTicks(200));
    expect(stderr).toContain('The run has completed.');
    expect((await alice.fedctl('log', id, '--show')).stdout).toBe(stdout);
  }, 120_000);

  test('sessions, runs and logs are those from before', async () => {
    const [before] = (await alice.json<{ runs: { 'run-id': string }[] }>(['ls'])).runs;
    const tokens = alice.tokens();
    await plane.kill();
    plane = await stage.serve();
    expect((await alice.json<{ runs: unknown[] }>(['ls'])).runs[0]).toEqual(before);
    expect(ticksIn((await alice.fedctl('log', before?.['run-id'] ?? '')).stdout)).toEqual(allTicks(200));
    expect(alice.tokens()).toEqual(tokens);
  }, 60_000);
});

describe('the engine ends and comes back', () => {
  test('F-19: meanwhile a submission is unavailable, its row has failed, and nothing starts later', async () => {
    const known = readEngineRuns(engineBook());
    await engine.kill();
    const { code, stdout } = await alice.fedctl('run', TICKER, '--request-id', 'no-engine', '--json');
    expect([code, JSON.parse(stdout).error]).toEqual([
      6,
      { code: 'ENGINE_UNREACHABLE', message: expect.stringMatching(/^[A-Z].*engine.*\.$/i), hint: expect.any(String) },
    ]);
    const row = () => readRows(stage.database).find((one) => one.request_id === 'no-engine');
    expect(row()).toMatchObject({
      status: 'finished:failed',
      id: null,
      reason: expect.stringContaining('Not started'),
    });
    await engine.start();
    const again = await alice.fedctl('run', TICKER, '--request-id', 'no-engine', '--json');
    expect([again.code, JSON.parse(again.stdout).error.code]).toEqual([1, 'RUN_NOT_STARTED']);
    expect(readEngineRuns(engineBook())).toEqual(known);
  }, 90_000);

  test('F-21: a run keeps its status while the engine is away, and its log is whole afterwards', async () => {
    const id = await alice.tick({ ticks: 100, pause: 0.1 });
    const following = alice.start('log', id);
    await following.until('tick 3 of');
    await engine.kill();
    expect(await alice.json(['ls', '--run-id', id])).toMatchObject({ runs: [{ status: 'running' }] });
    await engine.start();
    // The app has died with its engine. Where the restart took long, the engine has seen that by itself.
    const stopped = await alice.fedctl('stop', id);
    if (stopped.code !== 0) expect(stopped.stderr).toContain('has finished already');
    const { code, stdout } = await following.ended;
    expect([statusOf(id), code]).toEqual(stopped.code === 0 ? ['finished:stopped', 11] : ['finished:failed', 10]);
    const ticks = ticksIn(stdout);
    expect(ticks).toEqual(allTicks(ticks.length));
    expect(ticks.length).toBeGreaterThan(2);
  }, 120_000);

  test('I1, I2, I3, I6, I7: the books agree, and no status went back', async () => {
    await until(() => readRows(stage.database).every((row) => isFinal(row.status)), 60_000);
    const acknowledged = readRows(stage.database).flatMap(({ id, request_id }) =>
      id ? [{ requestId: request_id, runId: id }] : [],
    );
    expect(findViolations({ ours: stage.database, engine: engineBook() }, acknowledged)).toEqual([]);
    expect(statuses.end()).toEqual([]);
  }, 90_000);
});

describe('what the server starts with', () => {
  test('F-38: a certificate that is replaced on disk serves new connections, without a restart', async () => {
    const before = await servedSerial(stage);
    // The next certificate of the same authority, made where the old one is out of the way.
    const folder = join(stage.folder, 'tls');
    renameSync(join(folder, 'server.pem'), join(folder, 'old.pem'));
    await prepareCertificates({ folder, now: Date.now() });
    plane.signal('SIGHUP');
    await until(async () => (await servedSerial(stage)) !== before);
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);

  test('a master key that is missing or another one is refused in plain words; the old one opens everything again', async () => {
    await plane.stop();
    const key = join(stage.folder, 'master.key');
    renameSync(key, `${key}.aside`);
    expect(await tryControlPlane({ config: stage.config })).toMatchObject({
      code: 1,
      told: expect.stringMatching(/^Error: .*master.*\n/),
      log: '',
    });
    writeFileSync(key, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    expect(await tryControlPlane({ config: stage.config })).toMatchObject({
      code: 1,
      told:
        'Error: The master key is not the one that the stored data was sealed with.\n' +
        'Put the old key file back. Without it, sessions and signing keys in this database are lost: start with a new one.\n',
    });
    copyFileSync(`${key}.aside`, key);
    plane = await stage.serve();
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);
});

/** Serial number of the certificate that a new connection gets. */
function servedSerial({ facts }: Stage): Promise<string> {
  const [host = '', port] = facts.address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: readFileSync(facts.ca), ALPNProtocols: ['h2'] }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
