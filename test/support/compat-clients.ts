import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CliResult, RunningCli } from './cli.ts';
import { type ControlPlane, changeConfig, startControlPlane } from './control-plane.ts';
import { type DevStack, startDevStack } from './dev-stack.ts';
import { flowerVenv } from './flower-releases.ts';
import { openRelease, type ReleaseUser } from './flwr-release.ts';
import { type AccountName, allTicks, invitePeople, type People, type Person, ticksIn } from './people.ts';
import { until } from './until.ts';

/** A stack whose control plane is a process of its own, with access tokens of ten seconds. */
export interface CompatStage {
  readonly stack: DevStack;
  readonly people: People;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function setCompatStage(): Promise<CompatStage> {
  const stack = await startDevStack({ controlPlane: false });
  const { state } = stack.facts;
  const config = changeConfig(join(state, 'server.toml'), join(state, 'short.toml'), {
    tokens: { access: '10s' },
    // What flwr up to 1.31 waits after a refusal: longer would be a hang.
    limits: { 'logins-per-minute': 1000, 'login-lifetime': '20s' },
  });
  let plane: ControlPlane = await startControlPlane({ config });
  const people = invitePeople(stack.facts);
  return {
    stack,
    people,
    async restart() {
      await plane.stop();
      plane = await startControlPlane({ config });
    },
    async close() {
      await plane.stop();
      await stack.stop();
      people.leave();
    },
  };
}

/** Longer than that is a hang: nobody waits so long for a sentence. */
const HANG_MS = 45_000;

/**
 * What every release of flwr must be able to do with our server; the titles are the columns of docs/compatibility.md.
 * Releases up to 1.25 exit with 0 whatever happened (flower facts, 1.2), so outcomes are read where they happened.
 */
export function clientOf(release: string, stage: () => CompatStage): void {
  describe(`flwr ${release}`, () => {
    let folder: string;
    let owner: Person;
    let alice: ReleaseUser;
    let bob: ReleaseUser;
    let carol: ReleaseUser;
    let run = '';
    const said: RunningCli[] = [];
    const isOld = Number(release.split('.')[1]) < 26;
    const failed = isOld ? 0 : 1;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'fedctl-flwr-'));
      const venv = await flowerVenv(release);
      const { facts } = stage().stack;
      owner = stage().people.person('alice');
      const user = (name: AccountName) => {
        const { approve } = stage().people.person(name);
        return openRelease({ release, venv, home: join(folder, name), facts, approve, said });
      };
      [alice, bob, carol] = [user('alice'), user('bob'), user('carol')];
      expect((await owner.login('--force').catch(() => owner.login())).code).toBe(0);
    }, 240_000);

    afterAll(() => {
      for (const { child } of said) if (child.exitCode === null) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    });

    const runsOf = async () => (await owner.json<{ runs: { 'run-id': string; status: string }[] }>(['ls'])).runs;
    const submit = async (config: string): Promise<string> => {
      const before = new Set((await runsOf()).map((one) => one['run-id']));
      const result = await inTime(alice.run(config));
      const made = (await runsOf()).find((one) => !before.has(one['run-id']))?.['run-id'];
      expect({ ...result, made }).toMatchObject({ code: 0, made: expect.stringMatching(/^\d+$/) });
      expect(result.stdout + result.stderr).toContain(made);
      return String(made);
    };

    test('login', async () => {
      for (const user of [alice, bob]) {
        const { code, stdout, stderr } = await inTime(user.login());
        expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: expect.stringMatching(/login successful/i) });
      }
      expect(alice.tokens().access).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    }, 90_000);

    test('login refused', async () => {
      const { program, url } = await carol.startLogin();
      await stage().stack.refuse(url);
      const { code, stdout, stderr } = await inTime(program.ended);
      expect({ code, dump: dumpIn(stdout + stderr, release) }).toEqual({ code: 1, dump: null });
    }, 90_000);

    test('not logged in', async () => {
      const { stdout, stderr } = await inTime(carol.ls());
      expect(stdout + stderr).toMatch(/login/i);
      expect(dumpIn(stdout + stderr, release)).toBeNull();
    }, 60_000);

    test('run', async () => {
      run = await submit('ticks=3 pause=0.2');
      expect((await owner.fedctl('log', run)).code).toBe(0);
    }, 90_000);

    test('ls', async () => {
      const { code, stdout } = await inTime(alice.ls());
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(run) });
      const { runs } = JSON.parse((await inTime(alice.ls('--format', 'json'))).stdout);
      expect(runs.map((one: Record<string, unknown>) => one.status)).toContain('finished:completed');
    }, 60_000);

    test('ls --run-id', async () => {
      const { code, stdout } = await inTime(alice.ls('--run-id', run));
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(run) });
      expect(stdout).toContain('finished:completed');
    }, 60_000);

    test('log', async () => {
      const id = await submit('ticks=6 pause=0.5');
      const { code, stdout } = await inTime(alice.log(id).ended);
      expect({ code, ticks: ticksIn(stdout) }).toEqual({ code: 0, ticks: allTicks(6) });
      const shown = await inTime(alice.log(id, '--show').ended);
      expect({ code: shown.code, ticks: ticksIn(shown.stdout) }).toEqual({ code: 0, ticks: allTicks(6) });
    }, 120_000);

    test('stop', async () => {
      const id = await submit('ticks=10000 pause=0.5');
      const { code, stdout, stderr } = await inTime(alice.stop(id));
      expect({ code, said: stdout + stderr }).toEqual({
        code: 0,
        said: expect.stringContaining('successfully stopped'),
      });
      await until(async () =>
        (await runsOf()).some((one) => one['run-id'] === id && one.status === 'finished:stopped'),
      );
    }, 90_000);

    test('stranger', async () => {
      const id = await submit('ticks=40 pause=0.5');
      const listed = await inTime(bob.ls('--format', 'json'));
      expect(listed.stdout).not.toContain(id);
      for (const refused of [await inTime(bob.stop(id)), await inTime(bob.ls('--run-id', id))]) {
        const text = refused.stdout + refused.stderr;
        expect({ code: refused.code, text }).toEqual({ code: failed, text: expect.not.stringContaining('publisher') });
        expect(dumpIn(text, release)).toBeNull();
      }
      const log = await inTime(bob.log(id).ended);
      expect(ticksIn(log.stdout)).toEqual([]);
      expect((await runsOf()).find((one) => one['run-id'] === id)?.status).not.toContain('finished');
      await inTime(alice.stop(id));
    }, 150_000);

    test('renewal', async () => {
      const before = alice.tokens();
      await until(() => Date.now() > expiryOf(before.access), 15_000);
      expect((await inTime(alice.ls())).stdout).toContain(run);
      const after = alice.tokens();
      expect(after.access).not.toBe(before.access);
      expect(after.refresh).not.toBe(before.refresh);
    }, 60_000);

    test('restart', async () => {
      const id = await submit('ticks=24 pause=0.5');
      const log = alice.log(id);
      await log.until('tick 2 of');
      await stage().restart();
      const broken = await inTime(log.ended);
      // A log that ends as if it were whole would be a lie: either it is whole, or flwr says that it is not.
      const isWhole = ticksIn(broken.stdout).length === 24;
      expect({ isWhole, code: broken.code }).toEqual(isWhole ? { isWhole, code: 0 } : { isWhole, code: 1 });
      const again = await inTime(alice.log(id).ended);
      expect({ code: again.code, ticks: ticksIn(again.stdout) }).toEqual({ code: 0, ticks: allTicks(24) });
    }, 150_000);
  });
}

/** @throws where it takes as long as a hang */
async function inTime(result: Promise<CliResult>): Promise<CliResult> {
  const late = AbortSignal.timeout(HANG_MS);
  const hang = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`hangs: nothing came to an end in ${HANG_MS / 1000} s`)));
  });
  return Promise.race([result, hang]);
}

/** What nobody should have to read: a stack, or how gRPC prints an error object. */
function dumpIn(text: string, _release: string): string | null {
  return /Traceback|<_?(?:InactiveRpcError|MultiThreadedRendezvous)|debug_error_string/.exec(text)?.[0] ?? null;
}

/** Epoch ms. */
function expiryOf(jwt: string): number {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')).exp * 1000;
}
