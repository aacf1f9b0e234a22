import { describe, expect, test } from '@jest/globals';
import { outcomeLine, runTable } from '../../../src/cli/run-view.ts';
import type { Run } from '../../../src/gen/fedctl/v1/runs.ts';

const NOW = '2026-11-22T18:00:00.000Z';

function run(over: Partial<Run> = {}): Run {
  return {
    runId: 12522914296442707816n,
    federation: '@dev/default',
    app: 'root/hello-fl',
    appVersion: '1.0.0',
    bundleSha256: 'ab'.repeat(32),
    status: 'finished:completed',
    reason: 'The app ran to its end.',
    createdAt: '2026-11-22T17:58:00.000Z',
    startingAt: '2026-11-22T17:58:10.000Z',
    runningAt: '2026-11-22T17:58:20.000Z',
    finishedAt: '2026-11-22T17:59:20.000Z',
    owner: 'alice',
    mine: true,
    requestId: 'r1',
    ...over,
  };
}

const failed = run({ runId: 7n, status: 'finished:failed', reason: 'ServerApp failed: no node answered in round 1' });
const stopped = run({ runId: 8n, status: 'finished:stopped', reason: 'Stopped on request.', runningAt: '' });

async function table(runs: readonly Run[], width: number): Promise<string> {
  const lines = await runTable(runs, NOW, { width, unicode: true });
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  return `\n${lines.join('\n')}\n`;
}

describe('the table of runs', () => {
  test('80 columns: nothing is cut, reasons stand below, only where they tell something', async () => {
    expect(await table([run(), failed, stopped], 80)).toBe(`
RUN ID                APP            STATUS     ELAPSED  FEDERATION
12522914296442707816  root/hello-fl  completed  1:00     @dev/default
7                     root/hello-fl  failed     1:00     @dev/default
  REASON  ServerApp failed: no node answered in round 1
8                     root/hello-fl  stopped    -        @dev/default
`);
  });

  test('where there is room reasons have a column', async () => {
    expect(await table([failed, stopped], 110)).toBe(`
RUN ID  APP            STATUS   ELAPSED  FEDERATION    REASON
7       root/hello-fl  failed   1:00     @dev/default  ServerApp failed: no node answered in round 1
8       root/hello-fl  stopped  -        @dev/default
`);
  });

  test('owners are named as soon as one of them is somebody else', async () => {
    expect(await table([run(), run({ runId: 9n, mine: false, owner: 'bob' })], 80)).toBe(`
RUN ID                APP            STATUS     ELAPSED  FEDERATION    OWNER
12522914296442707816  root/hello-fl  completed  1:00     @dev/default  you
9                     root/hello-fl  completed  1:00     @dev/default  bob
`);
  });

  test('titles and ids are never cut, however long the cells and narrow the terminal', async () => {
    const long = run({ app: 'a-long-publisher/a-long-app-name', federation: '@a-long-owner/a-long-name', mine: false });
    for (const width of [60, 72, 80, 100]) {
      const [head, first] = (await table([long, failed], width)).trimStart().split('\n');
      for (const title of (head ?? '').split(/ {2,}/)) {
        expect(['RUN ID', 'APP', 'STATUS', 'ELAPSED', 'FEDERATION', 'OWNER', 'REASON']).toContain(title);
      }
      expect(first).toMatch(/^12522914296442707816 /);
    }
  });
});

test.each([
  ['finished:completed', 'The app ran to its end.', 'The run has completed.'],
  ['finished:failed', 'boom\u001b[2J', 'The run has failed: boom'],
  ['finished:failed', 'The app failed; its log says why.', 'The run has failed: The app failed; its log says why.'],
  ['finished:stopped', 'Stopped on request.', 'The run was stopped.'],
  ['finished:stopped', '', 'The run was stopped.'],
  ['lost', 'The engine no longer knows this run.', 'The run is lost: The engine no longer knows this run.'],
])('the end of a run in plain words: %s (%s)', (status, reason, line) => {
  expect(outcomeLine({ status, reason })).toBe(line);
});
