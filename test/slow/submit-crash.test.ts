import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isFinal } from '../../src/core/runs.ts';
import type { Failpoint } from '../../src/server/runs/index.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import {
  type Acknowledged,
  findViolations,
  placesWith,
  readRows,
  type StatusHistory,
  watchStatuses,
} from '../support/invariants.ts';
import { type Person, TICKER } from '../support/people.ts';
import { until } from '../support/until.ts';

/** Points at which the engine has the run, or will be asked for it again. */
const KEPT: readonly Failpoint[] = [
  'submit.before-row',
  'submit.after-engine',
  'submit.after-id',
  'submit.before-answer',
];
const SHORT = ['-c', 'ticks=1 pause=0.0'] as const;
const acknowledged: Acknowledged[] = [];
let stage: Stage;
let alice: Person;
let statuses: StatusHistory;

beforeAll(async () => {
  stage = await setStage({ engine: { nodes: 0 }, changes: { runs: { reconcile: '500ms', unmatched: '25s' } } });
  alice = stage.people.person('alice');
  const plane = await stage.serve();
  await alice.login();
  statuses = watchStatuses(stage.database);
  await plane.stop();
}, 120_000);
afterEach(() => stage.silence());
afterAll(async () => {
  statuses?.end();
  await stage?.close();
}, 60_000);

interface Submitted {
  readonly code: number | null;
  readonly document: { readonly 'run-id'?: string; readonly error?: { readonly code: string; readonly hint: string } };
}

async function submit(requestId: string, app = TICKER): Promise<Submitted> {
  const { code, stdout } = await alice.fedctl('run', app, '--request-id', requestId, ...SHORT, '--json');
  const document = JSON.parse(stdout);
  if (code === 0) acknowledged.push({ requestId, runId: document['run-id'] });
  return { code, document };
}

interface Crash {
  readonly requestId: string;
  /** What the command that met the crash came to. */
  readonly first: Promise<Submitted>;
  /** Ends the server that was brought back. */
  back(): Promise<void>;
}

/**
 * Submits to a server that crashes at `point`, and brings it back while that command still tries: with the crash point
 * still named, but not in test mode, where crash points must be inert.
 */
async function crashAt(point: Failpoint, app?: string): Promise<Crash> {
  const requestId = `crash-${point}`;
  const crashing = await stage.serve({ env: { NODE_ENV: 'test', FEDCTL_FAILPOINTS: point } });
  const first = submit(requestId, app);
  expect(await crashing.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const plane = await stage.serve({ env: { NODE_ENV: 'production', FEDCTL_FAILPOINTS: point } });
  const back = async () => expect(await plane.stop()).toEqual({ code: 0, signal: null });
  return { requestId, first, back };
}

/** The first command came through, or gave up waiting for the server and said how to go on. */
function expectSameOrUnknown(first: Submitted, again: Submitted, requestId: string): void {
  const { code, document } = first;
  if (code === 0) expect(document['run-id']).toBe(again.document['run-id']);
  else expect([code, document.error?.hint]).toEqual([6, expect.stringContaining(`--request-id ${requestId}`)]);
}

describe('F-25: the server is killed in the middle of a submit; crash points are inert outside of tests', () => {
  test.each(KEPT)(
    'I1, I3: %s: the command comes through, and repeating it gives the same run',
    async (point) => {
      const { requestId, first, back } = await crashAt(point);
      const met = await first;
      const again = await submit(requestId);
      expect(again).toMatchObject({ code: 0 });
      expectSameOrUnknown(met, again, requestId);
      expect(readRows(stage.database).filter((row) => row.request_id === requestId)).toHaveLength(1);
      await back();
    },
    60_000,
  );

  test('I2: submit.after-row: the engine never got it; that is told, and meanwhile others are served', async () => {
    const app = join(stage.folder, 'other-app');
    cpSync(TICKER, app, { recursive: true });
    writeFileSync(join(app, 'README.md'), 'One file more: another bundle.');
    const { requestId, first, back } = await crashAt('submit.after-row', app);
    const other = await submit('meanwhile');
    expect([other, (await first).code]).toEqual([expect.objectContaining({ code: 0 }), expect.any(Number)]);
    const again = await submit(requestId, app);
    expect(again).toMatchObject({
      code: 1,
      document: { error: { code: 'RUN_NOT_STARTED', hint: 'Submit again with a new request id.' } },
    });
    expect(await submit(`${requestId}-anew`, app)).toMatchObject({ code: 0 });
    await until(() => readRows(stage.database).every((row) => isFinal(row.status)), 60_000);
    await back();
  }, 150_000);

  test('I1, I2, I3, I6, I7: the books of the engine and of the server agree, and no status went back', () => {
    const books = { ours: stage.database, engine: join(stage.engine?.folder ?? '', 'state.db') };
    expect(findViolations(books, acknowledged)).toEqual([]);
    expect(statuses.end()).toEqual([]);
    const completed = readRows(stage.database).filter((row) => row.status === 'finished:completed');
    expect(new Set(acknowledged.map(({ runId }) => runId)).size).toBe(completed.length);
    expect(completed).toHaveLength(KEPT.length + 2);
  });

  test('I8: no token and no key is in a log, in the audit trail or in what the commands printed', () => {
    const { access, refresh } = alice.tokens();
    const secrets = [
      access,
      refresh,
      ...['master.key', 'client-secret'].map((name) => readFileSync(join(stage.folder, name), 'utf8').trim()),
    ];
    const places = { logs: stage.logs(), said: stage.people.said(), database: readFileSync(stage.database, 'latin1') };
    expect(placesWith(secrets, places)).toEqual([]);
  });
});
