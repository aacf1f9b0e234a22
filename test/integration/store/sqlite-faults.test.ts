import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { makeAudit, makeRun } from '../../support/store-rows.ts';

const folderOf = (path: string) => join(path, '..');
const childFile = (name: string) => join(import.meta.dirname, `child-${name}.ts`);

interface Filled {
  readonly bundles: { kept: string[]; refusal: string };
  readonly runs: { kept: string[]; refusal: string };
  readonly readable: boolean;
}

describe('SQLite under faults', () => {
  let temp: TempStore;
  const children: ChildProcess[] = [];

  /** `command` runs Node on one of the child files; it inherits nothing of the test runner's options. */
  function start(command: string, args: readonly string[], options: { uid?: number } = {}) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    children.push(child);
    return child;
  }

  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await temp.cleanup();
  });

  test('F-17: what a killed process had acknowledged is there, whole', async () => {
    temp = await openTempStore();
    const child = start(process.execPath, [childFile('writes'), temp.path]);
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 25) child.kill('SIGKILL');
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(25);
    const { store } = temp;
    const audited = new Set((await store.auditRows(100_000)).map((row) => row.requestId));
    for (const key of acknowledged) {
      expect(await store.runByKey(key)).toBeDefined();
      expect((await store.readLog(key, 0, 100)).map((chunk) => chunk.text)).toEqual([key]);
      expect(audited.has(key)).toBe(true);
    }
    // Acknowledged or not: never a run without its audit row.
    const runs = await store.listRuns({ all: true }, 100_000);
    expect(runs.every((run) => audited.has(run.key))).toBe(true);
    expect(runs).toHaveLength(audited.size);
    await store.probe();
  });

  test('F-14: behind a foreign lock writes end with UNAVAILABLE, leave nothing, and block nobody', async () => {
    const busyTimeoutMs = 1500;
    temp = await openTempStore({ busyTimeoutMs });
    const { store, path } = temp;
    const child = start(process.execPath, [childFile('locks'), path]);
    await once(child.stdout, 'data');

    // The longest time between two turns of the event loop; a wait on this thread would last the whole timeout.
    let last = performance.now();
    let longest = 0;
    const ticker = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const runs = Array.from({ length: 20 }, () => makeRun());
    const begin = performance.now();
    const writes = Promise.allSettled([...runs.map((run) => store.insertRun(run, makeAudit())), store.probe()]);
    expect(await store.listRuns({ all: true }, 10)).toEqual([]);
    for (const write of await writes) {
      expect(write).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', reason: 'STORE_BUSY' } });
    }
    const waited = performance.now() - begin;
    clearInterval(ticker);
    expect(longest).toBeLessThan(busyTimeoutMs * 0.8);
    expect(waited).toBeGreaterThanOrEqual(busyTimeoutMs * 0.9);

    child.stdin.end();
    await once(child, 'exit');
    expect(await store.listRuns({ all: true }, 10)).toEqual([]);
    expect(await store.auditRows(10)).toEqual([]);
    for (const run of runs) expect((await store.insertRun(run, makeAudit())).existing).toBe(false);
  });

  test('F-15: on a full disk writes are refused, reads work, nothing acknowledged is lost', async () => {
    temp = await openTempStore();
    const { store, path } = temp;
    // A limit on the size of files (in 512-byte blocks) fails a write as a full disk does.
    const child = start('sh', ['-c', 'ulimit -f 4096; exec "$@"', 'sh', process.execPath, childFile('fills'), path]);
    const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(complaint).toBe('');
    const { bundles, runs, readable }: Filled = JSON.parse(output);
    expect([bundles.refusal, runs.refusal]).toEqual(Array(2).fill('UNAVAILABLE STORE_UNAVAILABLE'));
    expect(bundles.kept.length).toBeGreaterThan(3);
    expect(readable).toBe(true);
    for (const name of bundles.kept) expect((await store.bundle(name))?.length).toBe(100_000);
    const stored = (await store.listRuns({ all: true }, 100_000)).map((run) => run.key);
    expect(stored.sort()).toEqual([...runs.kept].sort());
    expect(await store.auditRows(100_000)).toHaveLength(runs.kept.length);
  });

  test('F-15: with a read-only file writes are refused and reads work', async () => {
    temp = await openTempStore();
    const { store, path } = temp;
    await store.setMeta('marker', 'here');
    // Root may write everything: there the reader is somebody else, who owns folder and files.
    const uid = process.getuid?.() === 0 ? 65534 : undefined;
    for (const file of readdirSync(folderOf(path))) {
      chmodSync(join(folderOf(path), file), 0o400);
      if (uid !== undefined) chownSync(join(folderOf(path), file), uid, uid);
    }
    if (uid !== undefined) chownSync(folderOf(path), uid, uid);
    const child = start(process.execPath, [childFile('fills'), path], uid === undefined ? {} : { uid });
    const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(complaint).toBe('');
    expect(JSON.parse(output)).toEqual({
      bundles: { kept: [], refusal: 'UNAVAILABLE STORE_UNAVAILABLE' },
      runs: { kept: [], refusal: 'UNAVAILABLE STORE_UNAVAILABLE' },
      readable: true,
      version: 'here',
    });
  });
});
