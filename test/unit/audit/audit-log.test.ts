import { describe, expect, test } from '@jest/globals';
import type { AuditRow, AuditStore } from '../../../src/core/audit.ts';
import { AppError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { createAuditLog } from '../../../src/server/audit/audit-log.ts';

const REFUSED = { code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE' };

function makeRow(requestId: string): AuditRow {
  const empty = { principal: '', accountId: '', sessionId: '', address: '', userAgent: '', object: '' };
  return { ...empty, requestId, at: 1, action: 'runs.list', right: '', decision: 'allow', reason: '', bundle: '' };
}

/** A store whose commits end when the test says so. */
function manualStore() {
  const commits: { ids: string[]; end: () => void; fail: (error: unknown) => void }[] = [];
  const rows: AuditStore = {
    insertAudit: (batch) =>
      new Promise((resolve, reject) => {
        commits.push({ ids: batch.map((row) => row.requestId), end: resolve, fail: reject });
      }),
    auditRows: () => Promise.resolve([]),
  };
  return { rows, commits };
}

/** Lets everything run that needs no event from outside. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function open(capacity?: number) {
  const { rows, commits } = manualStore();
  const audit = createAuditLog({ rows, log: silentLogger, ...(capacity === undefined ? {} : { capacity }) });
  const settled: string[] = [];
  const record = (id: string, how: 'record' | 'recordGrouped' = 'recordGrouped') => {
    const done = audit[how](makeRow(id)).then(
      () => void settled.push(id),
      (error: unknown) => {
        settled.push(`${id} refused`);
        return error;
      },
    );
    return done;
  };
  return { audit, commits, settled, record };
}

describe('audit log', () => {
  test('AU-01: a row is acknowledged when its commit has ended, not before', async () => {
    const { commits, settled, record } = open();
    const done = record('a', 'record');
    await settle();
    expect([commits.map((commit) => commit.ids), settled]).toEqual([[['a']], []]);
    commits[0]?.end();
    await done;
    expect(settled).toEqual(['a']);
  });

  test('rows that come during a commit share the next one, whatever their kind', async () => {
    const { commits, settled, record } = open();
    void record('a');
    await settle();
    void record('b');
    void record('c', 'record');
    await settle();
    void record('d');
    commits[0]?.end();
    await settle();
    expect(commits.map((commit) => commit.ids)).toEqual([['a'], ['b', 'c', 'd']]);
    expect(settled).toEqual(['a']);
    commits[1]?.end();
    await settle();
    expect(settled).toEqual(['a', 'b', 'c', 'd']);
  });

  test('rows of one moment go together, at most 500 with one commit', async () => {
    const { commits, record } = open();
    for (let count = 0; count < 501; count += 1) void record(`${count}`);
    await settle();
    commits[0]?.end();
    await settle();
    expect(commits.map((commit) => commit.ids.length)).toEqual([500, 1]);
  });

  test('AU-01: a failed commit refuses everybody who waited for it, and nobody else', async () => {
    const { commits, settled, record } = open();
    const refused = record('a', 'record');
    const alsoRefused = record('b');
    await settle();
    void record('c');
    commits[0]?.fail(new AppError('UNAVAILABLE', 'STORE_UNAVAILABLE', 'disk full'));
    expect(await refused).toMatchObject(REFUSED);
    expect(await alsoRefused).toMatchObject(REFUSED);
    await settle();
    commits[1]?.end();
    await settle();
    expect(settled).toEqual(['a refused', 'b refused', 'c']);
  });

  test('T-05: a refusal tells the peer nothing of the cause', async () => {
    const { commits, record } = open();
    const refused = record('a');
    await settle();
    commits[0]?.fail(new Error('secret of the disk'));
    const error = await refused;
    expect(error).toMatchObject({ cause: { message: 'secret of the disk' } });
    expect(JSON.stringify([String(error), error])).not.toContain('secret of the disk');
  });

  test('a full queue refuses at once and takes rows again later', async () => {
    const { commits, record } = open(2);
    void record('writing');
    await settle();
    void record('a');
    void record('b');
    expect(await record('c')).toMatchObject(REFUSED);
    commits[0]?.end();
    await settle();
    void record('d');
    commits[1]?.end();
    await settle();
    expect(commits.map((commit) => commit.ids)).toEqual([['writing'], ['a', 'b'], ['d']]);
  });

  test('stopping writes what waits and takes no more', async () => {
    const { audit, commits, settled, record } = open();
    await audit.start();
    void record('a');
    await settle();
    void record('b');
    let stopped = false;
    const stop = audit.stop().then(() => {
      stopped = true;
    });
    expect(await record('late')).toMatchObject(REFUSED);
    commits[0]?.end();
    await settle();
    expect(stopped).toBe(false);
    commits[1]?.end();
    await stop;
    expect(settled).toEqual(['late refused', 'a', 'b']);
    await audit.stop();
  });
});
