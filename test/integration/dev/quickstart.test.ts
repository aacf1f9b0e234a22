import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BIN } from '../../support/dev-stack.ts';

describe('the quickstart', () => {
  let temporary: string;

  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), 'fedctl-qs-'));
  });

  afterEach(() => rmSync(temporary, { recursive: true }));

  function start() {
    const env = { ...process.env, TMPDIR: temporary };
    const child = spawn(process.execPath, [join(dirname(BIN), 'quickstart.js')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
      });
    }
    return { child, output: () => output, ended: once(child, 'close').then(([code]) => code as number | null) };
  }

  test('tells the whole story and leaves nothing behind', async () => {
    const { output, ended } = start();
    const code = await ended;
    if (code !== 0) throw new Error(`It ended with ${code}:\n${output()}`);
    const story = [
      /alice\$ fedctl login/,
      /accuracy 0\.\d+/,
      /The run has completed\./,
      /bob\$ fedctl ls\nNo runs/,
      /bob\$ fedctl stop \d+\nError/,
      /admin\$ fedctl admin grant bob viewer run:\d+ --for 1h/,
      /bob\$ fedctl ls\n.*\n\d+ .* completed /,
      /admin\$ fedctl admin revoke bob viewer run:\d+/,
      /bob\$ fedctl ls\nNo runs/,
      /alice\$ fedctl stop latest/,
      / stopped /,
      /alice\$ fedctl logout/,
    ];
    expect(output()).toMatch(new RegExp(story.map((step) => step.source).join('[^]*')));
    expect(leftBehind(temporary)).toEqual([]);
  }, 300_000);

  test('interrupted, it ends the stack and deletes its folder', async () => {
    const { child, ended } = start();
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
    expect(leftBehind(temporary)).toEqual([]);
  }, 60_000);
});

/** Node keeps its compile cache there too; that is not ours. */
function leftBehind(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith('fedctl'));
}
