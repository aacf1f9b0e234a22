import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { endLeftovers, openLedger } from '../../../src/dev/ledger.ts';
import { tryLock } from '../../../src/dev/lock.ts';
import { identify } from '../../../src/dev/process-identity.ts';
import { type ChildProcess, startProcess } from '../../../src/dev/processes.ts';
import { waitUntilReady } from '../../../src/dev/readiness.ts';
import { groupLives } from '../../support/dev-stack.ts';
import { until } from '../../support/until.ts';

describe("the stack's processes", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fedctl-processes-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function start(script: string, graceMs = 300): Promise<ChildProcess> {
    const ledger = openLedger(join(folder, 'processes.json'));
    return startProcess({
      name: 'part',
      command: 'sh',
      args: ['-c', script],
      cwd: folder,
      logs: folder,
      graceMs,
      ledger,
    });
  }

  const written = (name: string): Promise<boolean> => until(() => existsSync(join(folder, name)));

  test('end by SIGTERM, with time to say goodbye', async () => {
    const part = await start('trap "echo bye; exit 0" TERM; : > up; while :; do sleep 0.05; done', 10_000);
    await written('up');
    await part.stop();
    expect(readFileSync(part.logFile, 'utf8')).toContain('bye');
    await until(() => !groupLives(part.pid));
  });

  test('end by SIGKILL where they and their children ignore SIGTERM', async () => {
    const part = await start('trap "" TERM; sh -c "trap \\"\\" TERM; : > up; while :; do sleep 1; done"');
    await written('up');
    await part.stop();
    await until(() => !groupLives(part.pid));
  });

  test('take their children with them when they end by themselves', async () => {
    const part = await start('sh -c "trap \\"\\" TERM; while :; do sleep 1; done" & exit 0');
    await part.exited;
    await until(() => !groupLives(part.pid));
  });

  test('end even where somebody kills the supervisor alone', async () => {
    const part = await start(': > up; exec sleep 1000');
    await written('up');
    process.kill(part.pid, 'SIGKILL');
    await part.exited;
    await until(() => !groupLives(part.pid));
  });

  test('a program that is not there is told as a failed start, with its log', async () => {
    const ledger = openLedger(join(folder, 'processes.json'));
    const spec = { name: 'none', command: join(folder, 'none'), args: [], cwd: folder, logs: folder, ledger };
    const part = await startProcess(spec);
    const wait = { process: part, what: 'Nothing', timeoutMs: 10_000, signal: AbortSignal.timeout(10_000) };
    await expect(waitUntilReady({ ...wait, probe: async () => false })).rejects.toMatchObject({
      reason: 'DEV_PROCESS_FAILED',
      hint: expect.stringContaining(part.logFile),
    });
    expect(readFileSync(part.logFile, 'utf8')).toContain('ENOENT');
  });

  test("leftovers of a crash are ended, but never somebody else's process with the same number", async () => {
    const stray = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const other = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const strayGone = once(stray, 'exit');
    try {
      const file = join(folder, 'processes.json');
      const entries = [
        { name: 'stray', ...identify(stray.pid ?? 0) },
        { name: 'other', pid: other.pid, started: 'at another time' },
      ];
      writeFileSync(file, JSON.stringify(entries));
      expect(await endLeftovers(file)).toEqual(['stray']);
      await strayGone;
      expect(groupLives(other.pid ?? 0)).toBe(true);
    } finally {
      other.kill('SIGKILL');
      stray.kill('SIGKILL');
    }
  });

  test('a lock is held once, and ends with its holder', () => {
    const first = tryLock(join(folder, 'lock'));
    expect(first).toBeDefined();
    expect(tryLock(join(folder, 'lock'))).toBeUndefined();
    first?.release();
    const second = tryLock(join(folder, 'lock'));
    expect(second).toBeDefined();
    second?.release();
  });
});
