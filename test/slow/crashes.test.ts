import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LaunchedAgent, launchAgent } from '../../src/agent/launch.ts';
import { listAccounts, switchAccount } from '../../src/credentials/accounts.ts';
import { askAgent } from '../../src/credentials/agent-client.ts';
import { openCredentials } from '../../src/credentials/credential-file.ts';
import { type CrashTask, optionsOf, pair, type Scene } from './crash.ts';
import { tell } from './figures.ts';

type Action = CrashTask['action'];

let folder: string;
let agent: LaunchedAgent;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedctl-crash-'));
  chmodSync(folder, 0o700);
  agent = await launchAgent({ env: { XDG_RUNTIME_DIR: folder }, lifetimeMs: undefined, isTied: false });
});
afterAll(() => {
  if (agent) process.kill(agent.pid);
  rmSync(folder, { recursive: true, force: true });
});

const child = join(import.meta.dirname, 'child-crash.ts');

/** Ends with its number of steps, or by the signal that it sent itself. */
function run(task: CrashTask): Promise<{ signal: string | null; steps: number }> {
  const one = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  one.stdout.on('data', (data) => {
    output += data;
  });
  return new Promise((resolve) => one.once('close', (_code, signal) => resolve({ signal, steps: Number(output) })));
}

/** A login as it stands before the action; `restore` brings it back as often as it is wanted. */
async function setScene(storage: Scene['storage'], action: Action): Promise<Scene & { restore: () => Promise<void> }> {
  const place = mkdtempSync(join(folder, `${storage}-${action}-`));
  const outer = join(place, '.flwr');
  const scene = {
    path: join(outer, '.credentials', 'lab.json'),
    storage,
    agent: agent.socket,
    keyring: join(place, 'ring'),
  };
  const build = async () => {
    const options = optionsOf(scene);
    const chosen = { kind: storage, isChosen: true };
    await openCredentials({ ...options, storage: chosen }).write(pair('old', 's1', 'alice'));
    if (action !== 'switch') return;
    await openCredentials({ ...options, storage: chosen, beside: 'bob' }).write(pair('bobs', 's3', 'bob'));
    await switchAccount(options, 'alice');
  };
  await build();
  const kept = mkdtempSync(join(folder, 'kept-'));
  const copyAll = (from: string, to: string) => {
    for (const name of readdirSync(from)) cpSync(join(from, name), join(to, name), { recursive: true });
  };
  copyAll(place, kept);
  return {
    ...scene,
    restore: async () => {
      for (const name of readdirSync(place)) rmSync(join(place, name), { recursive: true });
      if (storage !== 'none') {
        copyAll(kept, place);
        return chmodSync(dirname(scene.path), 0o700);
      }
      await askAgent(agent.socket, { op: 'remove' });
      await build();
    },
  };
}

const namesIn = ({ path }: Scene) => readdirSync(dirname(path));

function expectPrivate(scene: Scene): void {
  const whole = namesIn(scene).map((name) => {
    const { mode, size } = statSync(join(dirname(scene.path), name));
    // A file of its own name is whole; only a temporary one may be on its way.
    return [name, mode & 0o777, size > 0 || name.endsWith('.tmp')];
  });
  expect(whole).toEqual(whole.map(([name]) => [name, 0o600, true]));
  expect(statSync(dirname(scene.path)).mode & 0o777).toBe(0o700);
}

/** Mark of the login that commands would use; "none", or how it can't be used. */
async function active(scene: Scene): Promise<string> {
  try {
    const login = await openCredentials(optionsOf(scene)).read();
    return login?.refreshToken.reveal() ?? 'none';
  } catch (error) {
    return (error as { reason: string }).reason;
  }
}

/** What may stand there after each action was killed. */
const OUTCOMES: Readonly<Record<Action, readonly string[]>> = {
  write: ['refresh-old', 'refresh-new'],
  renew: ['refresh-old', 'refresh-new'],
  beside: ['refresh-old', 'refresh-bobs'],
  switch: ['refresh-old', 'refresh-bobs'],
  // On no disk: forgotten by the agent, and not yet by the folder. Logging in is what one does then anyway.
  remove: ['refresh-old', 'none', 'CREDENTIALS_NOT_KEPT'],
};

/** The next command is not held up by what the dead one left, and sweeps it. */
async function expectNextWorks(scene: Scene, found: string, action: Action): Promise<void> {
  const begun = performance.now();
  const options = optionsOf(scene);
  if (found.startsWith('refresh-')) {
    const account = found === 'refresh-bobs' ? 'bob' : 'alice';
    const next = async () => pair('next', 's9', account);
    const { credentials, warning } = await openCredentials(options).renew({ usable: () => false, renew: next });
    expect([credentials.account, warning]).toEqual([account, undefined]);
  } else {
    await openCredentials({ ...options, storage: { kind: scene.storage, isChosen: true } }).write(
      pair('next', 's9', 'alice'),
    );
  }
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(await active(scene)).toBe('refresh-next');
  const left = namesIn(scene).filter((name) => name.startsWith('.lab.') || name.includes('.lock'));
  // A young temporary of the lock may belong to the living; it goes after two minutes.
  expect(left.filter((name) => !/^\.lock\.[0-9a-f]{16}\.tmp$/.test(name))).toEqual([]);
  if (action !== 'switch' && !(action === 'beside' && found === 'refresh-bobs')) return;
  const names = (await listAccounts(options)).map(({ name }) => name);
  expect(names.toSorted()).toEqual(['alice', 'bob']);
}

const KINDS = ['file', 'encrypted', 'keyring', 'none'] as const;
const DEATHS: Readonly<Record<Action, string>> = {
  write: 'a login',
  renew: 'a renewal',
  beside: 'a login of another account',
  switch: 'a switch of accounts',
  remove: 'a logout',
};

describe('F-31: killed before each step of what changes a stored login', () => {
  const cases = Object.keys(DEATHS).flatMap((action) =>
    KINDS.map((kind) => [DEATHS[action as Action], kind, action as Action] as const),
  );
  test.each(cases)(
    '%s, kept as %s: the old or the new one is there, whole and private, and the next command works',
    async (_what, storage, action) => {
      const scene = await setScene(storage, action);
      const { restore, ...task } = scene;
      await restore();
      const { steps } = await run({ ...task, action, step: 0 });
      expect(steps).toBeGreaterThanOrEqual(3);
      const seen = new Set<string>();
      for (let step = 1; step <= steps; step += 1) {
        await restore();
        expect(await run({ ...task, action, step })).toEqual({ signal: 'SIGKILL', steps: 0 });
        expectPrivate(scene);
        const found = await active(scene);
        expect(OUTCOMES[action]).toContain(found);
        seen.add(found);
        await expectNextWorks(scene, found, action);
      }
      expect(seen.has('refresh-old')).toBe(true);
      tell(`${steps} steps`);
    },
    300_000,
  );
});
