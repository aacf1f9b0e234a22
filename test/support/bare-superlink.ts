import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { selfSigned, writePair } from './certificates.ts';
import { type CliResult, type RunningCli, startCli } from './cli.ts';
import { allTicks, TICKER, ticksIn } from './people.ts';
import { startSuperLink, type TestSuperLink } from './superlink.ts';
import { until } from './until.ts';

interface Row {
  readonly 'run-id': string;
  readonly status: string;
  readonly [key: string]: unknown;
}

/** One person with fedctl before a SuperLink that stands alone. */
interface Site {
  readonly link: TestSuperLink;
  readonly home: string;
  start(...args: string[]): RunningCli;
  fedctl(...args: string[]): Promise<CliResult>;
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  close(): Promise<void>;
}

export interface BareOptions {
  /** The SuperLink speaks TLS with a CA of its own. */
  readonly tls?: boolean;
}

async function openSite(release: string, { tls = false }: BareOptions): Promise<Site> {
  const home = mkdtempSync(join(tmpdir(), 'fedctl-bare-'));
  mkdirSync(join(home, 'tls'));
  const files = tls ? await writePair(join(home, 'tls'), await selfSigned()) : undefined;
  const link = await startSuperLink({ nodes: 0, release, ...(files ? { tls: files } : {}) });
  const trust = files ? `root-certificates = "${files.certFile}"` : 'insecure = true';
  writeFileSync(join(home, 'config.toml'), `[superlink.lab]\naddress = "${link.address}"\n${trust}\n`);
  const running: RunningCli[] = [];
  const start = (...args: string[]) => {
    const program = startCli(args, { cwd: home, env: { FLWR_HOME: home } });
    running.push(program);
    return program;
  };
  return {
    link,
    home,
    start,
    fedctl: (...args) => start(...args).ended,
    async json(...args) {
      const { code, stdout, stderr } = await start(...args, '--json').ended;
      if (code !== 0) throw new Error(`fedctl ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
      return JSON.parse(stdout);
    },
    async close() {
      // A test that failed may have left one waiting.
      for (const { child } of running) if (child.exitCode === null) child.kill('SIGKILL');
      await link.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** What fedctl does with a SuperLink of one release that has no login and no control plane before it. */
export function bareSuperlink(release: string, options: BareOptions = {}): void {
  describe(`fedctl with SuperLink ${release}`, () => {
    let site: Site;
    let first = '';

    beforeAll(async () => {
      site = await openSite(release, options);
    }, 300_000);
    afterAll(async () => site?.close(), 60_000);

    const run = (ticks: number, pause: number) => [
      'run',
      TICKER,
      'lab',
      '-c',
      `ticks=${ticks} pause=${pause.toFixed(2)}`,
    ];
    const rowOf = async (id: string) => (await site.json<{ runs: Row[] }>('ls', '--run-id', id)).runs[0];

    /** Submits a run, and resolves once it prints. */
    async function longRun(): Promise<string> {
      const id = String((await site.json(...run(2000, 0.2)))['run-id']);
      await until(async () => (await rowOf(id))?.status === 'running', 120_000);
      return id;
    }

    test('run --stream', async () => {
      const { code, stdout, stderr } = await site.fedctl(...run(4, 0.1), '--stream');
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('The run has completed.') });
      first = /^Run (\d+) of lab\/ticker is submitted/m.exec(stdout)?.[1] ?? '';
      expect(ticksIn(stdout)).toEqual(allTicks(4));
    }, 180_000);

    test('ls', async () => {
      const { code, stdout, stderr } = await site.fedctl('ls', '--mine');
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('--mine changes nothing') });
      expect(stdout).toMatch(new RegExp(`^${first} +lab/ticker +completed `, 'm'));
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
      const second = String((await site.json(...run(1, 0.1)))['run-id']);
      const page = await site.json<{ runs: Row[]; 'next-cursor': string }>('ls', '--limit', '1');
      expect(page.runs.map((row) => row['run-id'])).toEqual([second]);
      const rest = await site.json<{ runs: Row[]; 'next-cursor': unknown }>('ls', '--cursor', page['next-cursor']);
      expect(rest).toMatchObject({ runs: [{ 'run-id': first }], 'next-cursor': null });
    }, 60_000);

    test('ls --run-id', async () => {
      expect(await rowOf(first.slice(0, 12))).toMatchObject({
        'run-id': first,
        'fab-id': 'lab/ticker',
        'fab-version': '1.0.0',
        'fab-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
        status: 'finished:completed',
        'finished-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        owner: '',
      });
      const unknown = await site.fedctl('ls', '--run-id', '18446744073709551615');
      expect(unknown).toMatchObject({ code: 5, stderr: expect.stringContaining('has no run 18446744073709551615') });
    }, 60_000);

    test('log', async () => {
      const shown = await site.fedctl('log', first, '--show');
      expect({ code: shown.code, ticks: ticksIn(shown.stdout) }).toEqual({ code: 0, ticks: allTicks(4) });
      expect(await site.fedctl('log', first)).toMatchObject({ code: 0, stdout: shown.stdout });
      expect(await site.json('log', first, '--show')).toEqual({
        success: true,
        'run-id': first,
        status: 'finished:completed',
        log: shown.stdout,
      });
      expect((await site.fedctl('log', '18446744073709551615')).code).toBe(5);
    }, 60_000);

    test('stop', async () => {
      const id = await longRun();
      const follower = site.start('log', id);
      await follower.until('tick 2 of');
      expect(await site.json('stop', 'latest')).toMatchObject({ success: true, 'run-id': id });
      expect(await follower.ended).toMatchObject({ code: 11, stderr: expect.stringContaining('The run was stopped.') });
      expect(await site.fedctl('stop', id)).toMatchObject({ code: 1, stderr: expect.stringMatching(/finished/) });
    }, 180_000);

    test('whoami, doctor', async () => {
      const transport = (await site.json<{ transport: string }>('whoami')).transport;
      expect(transport).toBe(Number(release.split('.')[1]) >= 37 ? 'http' : 'grpc');
      const { findings } = await site.json<{ findings: { name: string; state: string; text: string }[] }>('doctor');
      expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
      expect(findings.find(({ name }) => name === 'server')?.text).toContain('without a login');
      const refused = await site.fedctl('can', 'run', 'system');
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/knows no rights|insecure = true/) });
      expect(await site.fedctl('login')).toMatchObject({ code: 1, stdout: '' });
    }, 60_000);

    test('restart in mid-log', async () => {
      const id = await longRun();
      const follower = site.start('log', id);
      await follower.until('tick 5 of');
      await site.link.kill();
      await follower.until('The connection was lost');
      await site.link.start();
      // Some releases end by themselves what a restart has orphaned.
      await until(async () => {
        await site.fedctl('stop', id);
        return (await rowOf(id).catch(() => undefined))?.status.startsWith('finished:');
      }, 120_000);
      const { code, stdout } = await follower.ended;
      const outcome = (await rowOf(id))?.status === 'finished:stopped' ? 11 : 10;
      const ticks = ticksIn(stdout);
      expect({ code, ticks }).toEqual({ code: outcome, ticks: allTicks(ticks.length) });
      const whole = await site.fedctl('log', id, '--show');
      expect(stdout).toBe(whole.stdout);
    }, 240_000);

    test('away', async () => {
      await site.link.kill();
      for (const args of [['ls'], ['log', first], run(1, 0.1)]) {
        const { code, stdout, stderr } = await site.fedctl(...args);
        const sentence = `Error: Nothing listens at ${site.link.address}.`;
        expect({ args, code, stdout, stderr }).toEqual({
          args,
          code: 6,
          stdout: '',
          stderr: expect.stringContaining(sentence),
        });
      }
      expect(readFileSync(join(site.home, 'config.toml'), 'utf8')).toContain('[superlink.lab]');
    }, 60_000);
  });
}
