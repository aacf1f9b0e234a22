import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import type { Run } from '../../../src/core/runs.ts';
import type { RunParty } from '../../../src/server/runs/index.ts';
import { AWAY, createFakeEngine, type FakeEngine } from '../../support/engine-fake.ts';
import { openRunService, submitText } from '../../support/run-service.ts';
import { openTempStore, type TempStore } from '../../support/store.ts';
import { collect, until } from '../../support/until.ts';

let temp: TempStore;
let engine: FakeEngine;
const parties: RunParty[] = [];
const never = new AbortController().signal;

beforeEach(async () => {
  temp = await openTempStore();
  engine = createFakeEngine();
});
afterEach(async () => {
  engine.faults.away = undefined;
  await Promise.all(parties.splice(0).map((party) => party.service.stop()));
  await temp.cleanup();
});

async function open(options: Parameters<typeof openRunService>[2] = {}): Promise<RunParty> {
  const party = openRunService(temp.store, engine, options);
  parties.push(party);
  await party.service.start();
  return party;
}

const idOf = (run: Run) => run.id ?? 0n;

async function follow(party: RunParty, run: Run, offset = 0): Promise<string> {
  const pieces = await collect(party.runs.logs(run, offset, true, never));
  return pieces.map((piece) => piece.text).join('');
}

describe('I9: a log is whole and in order', () => {
  test('one upstream stream, whatever the number of readers', async () => {
    const party = await open();
    const run = await submitText(party, 'many readers');
    const readers = Promise.all(Array.from({ length: 25 }, () => follow(party, run)));
    await until(() => engine.counts.openStreams === 1);
    for (let line = 0; line < 50; line += 1) engine.say(idOf(run), `line ${line}\n`);
    await until(async () => (await temp.store.logPosition(run.key)).size > 300);
    expect(engine.counts.openStreams).toBe(1);
    engine.finish(idOf(run));
    const expected = Array.from({ length: 50 }, (_, line) => `line ${line}\n`).join('');
    expect(new Set(await readers)).toEqual(new Set([expected]));
  });

  test('lines that come after "finished" are in it', async () => {
    const party = await open({ settings: { drainSettleMs: 500 } });
    const run = await submitText(party, 'late lines');
    engine.say(idOf(run), 'early\n');
    const reading = follow(party, run);
    engine.finish(idOf(run));
    await until(() => engine.counts.streams >= 2);
    engine.say(idOf(run), 'late\n');
    await expect(reading).resolves.toBe('early\nlate\n');
  });

  test('broken upstream streams leave no gap and no duplicate', async () => {
    const party = await open();
    engine.faults.afterLine = AWAY;
    const run = await submitText(party, 'broken');
    for (let line = 0; line < 6; line += 1) engine.say(idOf(run), `${line};`);
    const reading = follow(party, run);
    await until(async () => (await temp.store.logPosition(run.key)).size >= 4);
    engine.faults.afterLine = undefined;
    engine.finish(idOf(run));
    await expect(reading).resolves.toBe('0;1;2;3;4;5;');
  });

  test('two servers on one store write one log; both can read it', async () => {
    const [one, two] = [await open(), await open()];
    const run = await submitText(one, 'two writers');
    const readers = [follow(one, run), follow(two, run)];
    for (let line = 0; line < 100; line += 1) {
      engine.say(idOf(run), `${line};`);
      if (line % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    engine.finish(idOf(run));
    const expected = Array.from({ length: 100 }, (_, line) => `${line};`).join('');
    await expect(Promise.all(readers)).resolves.toEqual([expected, expected]);
  });

  test('a server that was ended in the middle is followed by one that goes on', async () => {
    const first = await open();
    const run = await submitText(first, 'restart');
    engine.say(idOf(run), 'before\n');
    await until(async () => (await temp.store.logPosition(run.key)).size > 0);
    await Promise.all(parties.splice(0).map((party) => party.service.stop()));
    engine.say(idOf(run), 'between\n');
    const second = await open();
    const reading = follow(second, run);
    engine.say(idOf(run), 'after\n');
    engine.finish(idOf(run));
    await expect(reading).resolves.toBe('before\nbetween\nafter\n');
    expect(await temp.store.openRuns('main')).toEqual([]);
  });
});

describe('readers', () => {
  test('start at any byte, get whole characters in pieces of at most 64 KB, and can resume at each', async () => {
    const party = await open();
    const run = await submitText(party, 'large');
    const text = `${'é✓😀x'.repeat(30_000)}\n`;
    engine.say(idOf(run), text);
    engine.finish(idOf(run));
    const pieces = await collect(party.runs.logs(run, 0, true, never));
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece.text)))).toBeLessThanOrEqual(64 * 1024);
    expect(pieces.length).toBeGreaterThan(4);
    for (const [index, piece] of pieces.entries()) {
      const rest = pieces
        .slice(index + 1)
        .map((one) => one.text)
        .join('');
      await expect(follow(party, run, piece.nextOffset)).resolves.toBe(rest);
      // The engine's own position is never ahead of what was given.
      expect(await party.runs.offsetAfter(run, piece.engineTimestamp)).toBeLessThanOrEqual(piece.nextOffset);
    }
  });

  test('without follow: what is stored now', async () => {
    const party = await open();
    const run = await submitText(party, 'now');
    engine.say(idOf(run), 'so far\n');
    await until(async () => (await temp.store.logPosition(run.key)).size > 0);
    const pieces = await collect(party.runs.logs(run, 0, false, never));
    expect(pieces.map((piece) => piece.text)).toEqual(['so far\n']);
  });

  test('never end early: a reader that is cancelled throws', async () => {
    const party = await open();
    const run = await submitText(party, 'cancelled');
    const cancel = new AbortController();
    const reading = collect(party.runs.logs(run, 0, true, cancel.signal));
    cancel.abort();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('an offset beyond the end is refused; a run that never started has an empty log', async () => {
    const party = await open();
    const run = await submitText(party, 'short');
    engine.finish(idOf(run));
    await follow(party, run);
    await expect(follow(party, run, 5)).rejects.toMatchObject({ reason: 'LOG_OFFSET_INVALID' });
    engine.faults.beforeStart = () => {
      throw new AppError('FAILED_PRECONDITION', 'ENGINE_REFUSED', 'no');
    };
    await submitText(party, 'failed').catch(() => undefined);
    const [failed] = await temp.store.listRuns({ all: true }, 1);
    await expect(follow(party, failed ?? run)).resolves.toBe('');
  });
});

describe('limits', () => {
  test('max-per-run cuts with one marker line, and the run still ends', async () => {
    const party = await open({ settings: { maxLogBytes: 100 } });
    const run = await submitText(party, 'too much');
    for (let line = 0; line < 40; line += 1) engine.say(idOf(run), `é line ${line}\n`);
    const reading = follow(party, run);
    await until(async () => (await temp.store.logPosition(run.key)).cut);
    engine.say(idOf(run), 'more\n');
    engine.finish(idOf(run));
    const text = await reading;
    expect(text.match(/\[fedctl\]/g)).toHaveLength(1);
    expect(text).toMatch(/^é line 0\n/);
    expect(text).toMatch(/limit of 100 bytes\.\n$/);
    expect(text).not.toContain('\ufffd');
    await until(async () => (await temp.store.openRuns('main')).length === 0);
  });

  test('F-24: a log that can not be read ends with a marker once the run is over, not in silence', async () => {
    const party = await open();
    const run = await submitText(party, 'garbage');
    engine.say(idOf(run), 'good\n');
    await until(async () => (await temp.store.logPosition(run.key)).size > 0);
    engine.faults.afterLine = new AppError('INTERNAL', 'ENGINE_ANSWER_INVALID', 'garbage');
    Object.assign(engine, {
      // biome-ignore lint/correctness/useYield: it only ever throws
      streamLogs: async function* () {
        throw engine.faults.afterLine;
      },
    });
    engine.finish(idOf(run));
    await expect(follow(party, run)).resolves.toMatch(/^good\n\n\[fedctl\] The rest of the log could not be read/);
  }, 30_000);

  test('old logs and bundles are swept', async () => {
    const first = await open();
    const run = await submitText(first, 'old');
    engine.say(idOf(run), 'old text\n');
    engine.finish(idOf(run));
    await follow(first, run);
    await open({ settings: { logRetentionMs: -60_000, bundleRetentionMs: -60_000 } });
    await until(async () => (await temp.store.logPosition(run.key)).size === 0);
    await until(async () => (await temp.store.bundle(run.bundleSha256)) === undefined);
    await expect(temp.store.runById(idOf(run))).resolves.toMatchObject({ status: 'finished:completed' });
  });
});
