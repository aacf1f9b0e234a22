import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../../support/cli.ts';
import { newSshKey } from '../../support/ssh-key.ts';
import { startSuperLink, type TestSuperLink } from '../../support/superlink.ts';
import { until } from '../../support/until.ts';

const has = (text: string) => expect.stringContaining(text);

/** SuperLinks without us: the last release on gRPC that we pin, and the last on HTTP. */
describe.each(['1.32.1', '1.41.0'])('federation and supernode at a bare SuperLink %s', (release) => {
  const home = mkdtempSync(join(tmpdir(), 'fedctl-bare-'));
  let link: TestSuperLink;

  const fedctl = (...args: string[]) => runCli(args, { cwd: home, env: { FLWR_HOME: home } });
  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr, code } = await fedctl(...args, '--json');
    if (code !== 0) throw new Error(`fedctl ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  };

  beforeAll(async () => {
    link = await startSuperLink({ nodes: 1, release });
    const added = await fedctl('config', 'add', 'near', '--address', link.address, '--insecure');
    expect(added).toMatchObject({ code: 0 });
  }, 240_000);

  afterAll(async () => {
    await link.close();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  test('supernode ls: the one that is there, with no column that says nothing', async () => {
    const found = await until(async () => {
      const { nodes } = await json<{ nodes: { status: string; 'node-id': string }[] }>('supernode', 'ls');
      return nodes.find(({ status }) => status === 'online');
    }, 90_000);
    expect(found).toMatchObject({ 'node-id': expect.stringMatching(/^[0-9]{10,20}$/), mine: false });
    const { stdout } = await fedctl('supernode', 'ls');
    expect(stdout).toMatch(/^NODE ID +STATUS +FOR\n[0-9]+ +online +[0-9:]+\n$/);
  }, 120_000);

  test('federation ls and show: the one that every SuperLink has', async () => {
    const { federations } = await json<{ federations: { id: string }[] }>('federation', 'ls');
    expect(federations).toMatchObject([{ id: '@none/default', archived: false }]);
    expect((await fedctl('federation', 'ls')).stdout).toContain('@none/default');
    expect(await json('federation', 'show', '@none/default')).toMatchObject({ federation: { id: '@none/default' } });
    const listed = await fedctl('supernode', 'ls', '--federation', '@none/default');
    expect(listed.stdout).toMatch(/^NODE ID +STATUS +FOR\n[0-9]+ +online +[0-9:]+\n$/);
    for (const args of [
      ['federation', 'show', '@none/other'],
      ['supernode', 'ls', '--federation', '@none/other'],
    ])
      expect(await fedctl(...args)).toMatchObject({ code: 5, stderr: has('no federation @none/other') });
  }, 60_000);

  test('what it does not do is told in one sentence', async () => {
    const made = await fedctl('federation', 'create', '@none/other');
    expect(made).toMatchObject({ code: 1, stdout: '', stderr: has('Error: ') });
    expect(made.stderr).not.toContain('bug');
    expect((await fedctl('federation', 'invite', 'ls')).code).toBe(1);
    expect((await fedctl('supernode', 'unregister', '12')).code).not.toBe(0);
  }, 60_000);

  test('supernode register takes a key once', async () => {
    writeFileSync(join(home, 'node.pub'), newSshKey('P-384').line);
    const first = await fedctl('supernode', 'register', 'node.pub');
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Registered SuperNode [0-9]+\.\n$/) });
    expect(await fedctl('supernode', 'register', 'node.pub')).toMatchObject({ code: 1, stderr: has('Error: ') });
    const id = /[0-9]{5,}/.exec(first.stdout)?.[0] ?? '';
    expect((await fedctl('supernode', 'ls')).stdout).toContain(id);
    expect((await fedctl('supernode', 'unregister', id)).code).toBe(0);
    expect((await fedctl('supernode', 'ls')).stdout).not.toContain(id);
  }, 60_000);
});
