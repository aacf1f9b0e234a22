import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openCredentials } from '../../src/credentials/credential-file.ts';
import { pair } from './crash.ts';
import { tell } from './figures.ts';

const WRITES = 10_000;
const NAMES = ['lab.json', 'lab.meta.json', 'lab.json.lock'];

let folder: string;
let outer: string;
let target: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-swaps-'));
  [outer, target] = [join(folder, '.flwr'), join(folder, 'of-somebody-else')];
  for (const made of [outer, join(outer, '.credentials'), target]) mkdirSync(made, { mode: 0o700 });
  for (const name of NAMES) writeFileSync(join(target, name), `theirs: ${name}`, { mode: 0o644 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** All that there is to see of the target: a write, a changed mode or a file more would show. */
function sight(): unknown {
  return readdirSync(target).map((name) => {
    const { mode, mtimeMs, ino } = statSync(join(target, name));
    return { name, mode, mtimeMs, ino, text: readFileSync(join(target, name), 'utf8') };
  });
}

describe('T-18: folder and files swapped for links while logins are written', () => {
  test(`${WRITES} writes and reads: the target is never written, and nothing is read from it`, async () => {
    const before = sight();
    const swapper = spawn(process.execPath, [join(import.meta.dirname, 'child-swaps.ts'), outer, target], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let told = '';
    swapper.stdout.on('data', (data) => {
      told += data;
    });
    await new Promise((resolve) => swapper.stdout.once('data', resolve));
    const outcomes = new Map<string, number>();
    for (let count = 0; count < WRITES; count += 1) {
      const file = openCredentials({
        path: join(outer, '.credentials', 'lab.json'),
        origin: 'host:9093',
        caPin: 'system',
        lockTimeoutMs: 0,
      });
      const outcome = await (count % 2 === 0 ? file.write(pair(`n${count}`, 's1', 'alice')) : file.read()).then(
        () => 'done',
        (error) => String(error.reason ?? error.code),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    swapper.stdin.end();
    await new Promise((resolve) => swapper.once('close', resolve));
    const swaps = Number(told.trim().split('\n').at(-1));
    expect(sight()).toEqual(before);
    expect(swaps).toBeGreaterThan(WRITES / 10);
    // Both sides won at times: else nothing was tried.
    expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['done', 'CREDENTIALS_UNSAFE']));
    const refused = WRITES - (outcomes.get('done') ?? 0);
    tell(`${swaps} swaps; ${outcomes.get('done')} went through to a folder of ours, ${refused} were refused`);
  }, 600_000);
});
