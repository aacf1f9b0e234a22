import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { listAccounts, switchAccount } from '../../../src/credentials/accounts.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import type { NewTokens } from '../../../src/credentials/types.ts';
import { sourcesWith, tokensOf } from '../../support/logins.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'credentials-'));
  path = join(dir, '.flwr', '.credentials', 'lab.json');
});
afterEach(() => rm(dir, { recursive: true }));

const file = () => openCredentials({ path, origin: 'host:9093', caPin: 'system' });

const old: NewTokens = {
  accessToken: new Secret(`e30.${Buffer.from('{"iss":"https://i","sid":"s1"}').toString('base64url')}.sig`),
  refreshToken: new Secret('refresh-old'),
  expiresIn: 600,
  sessionId: 's1',
  account: 'alice',
};

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function work(mode: string, argument: number): Promise<Ended> {
  const script = join(import.meta.dirname, 'worker.ts');
  const child = spawn(process.execPath, [script, mode, path, String(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })));
}

describe('many processes', () => {
  test('CF-04, F-32: 20 processes with one expired pair renew once per generation, and all succeed', async () => {
    await file().write(old);
    for (const generation of [2, 3]) {
      const ended = await Promise.all(Array.from({ length: 20 }, () => work('renew', generation)));
      expect(ended.map(({ code, output }) => [code, output])).toEqual(ended.map(() => [0, String(generation)]));
    }
    expect(await readFile(`${path}.renewals`, 'utf8')).toBe('2\n3\n');
  }, 120_000);

  test('CF-04: the lock excludes, also where holders die and leave it stale', async () => {
    await file().write(old);
    await writeFile(`${path}.counter`, '0');
    // The first step after the lock: these processes die while they hold it.
    const killed = [2, 2, 2].map((step) => work('write', step + 1));
    const ended = await Promise.all([...killed, ...Array.from({ length: 8 }, () => work('lock', 25))]);
    expect(ended.slice(3).map(({ code }) => code)).toEqual(Array(8).fill(0));
    expect(await readFile(`${path}.counter`, 'utf8')).toBe('200');
    const left = await readdir(dirname(path));
    expect(left.filter((name) => name.includes('.lock.') || name.endsWith('.lock'))).toEqual([]);
  }, 120_000);
});

const keys = sourcesWith({ passphrase: async () => new Secret('correct') });

test.each(['write', 'write-encrypted'])(
  'F-31: killed before each step of a %s, the old or the new login is there, whole and private',
  async (mode) => {
    const read = async () =>
      (await openCredentials({ path, origin: 'host:9093', caPin: 'system', keys }).read())?.refreshToken.reveal();
    const kind = mode === 'write' ? 'file' : 'encrypted';
    const before = openCredentials({
      path,
      origin: 'host:9093',
      caPin: 'system',
      keys,
      storage: { kind, isChosen: true },
    });
    await before.write(old);
    const { output } = await work(mode, 0);
    const steps = Number(output.replace('steps ', ''));
    expect(steps).toBeGreaterThan(8);
    const seen = new Set<string>();
    for (let step = 1; step <= steps; step += 1) {
      await before.write(old);
      expect((await work(mode, step)).signal).toBe('SIGKILL');
      const after = await read();
      seen.add(after ?? 'none');
      expect(['refresh-old', 'refresh-new']).toContain(after);
      await everythingIsPrivate();
    }
    expect([...seen].sort()).toEqual(['refresh-new', 'refresh-old']);
    await before.write(old);
    expect((await readdir(dirname(path))).filter((name) => !name.startsWith('.lock.')).sort()).toEqual([
      'lab.json',
      'lab.meta.json',
    ]);
  },
  120_000,
);

test('F-31: killed before each step of a switch, both logins are whole and private, and one is active', async () => {
  const options = { path, origin: 'host:9093', caPin: 'system', keys };
  await openCredentials({ ...options, beside: 'bob' }).write(tokensOf('bob', { account: 'bob', session: 's-bob' }));
  await openCredentials({ ...options, beside: 'alice' }).write(tokensOf('alice'));
  const { output } = await work('switch', 0);
  const seen = new Set<string>();
  for (let step = Number(output.replace('steps ', '')); step > 0; step -= 1) {
    await switchAccount(options, 'alice');
    expect((await work('switch', step)).signal).toBe('SIGKILL');
    const accounts = await listAccounts(options);
    expect(accounts.map(({ name }) => name).sort()).toEqual(['alice', 'bob']);
    for (const { name, isActive } of accounts) {
      const login = await openCredentials(isActive ? options : { ...options, account: name }).read();
      expect([name, login?.refreshToken.reveal()]).toEqual([name, `refresh-${name}`]);
      if (isActive) seen.add(name);
    }
    await everythingIsPrivate();
  }
  expect([...seen].sort()).toEqual(['alice', 'bob']);
}, 120_000);

async function everythingIsPrivate(): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    expect([name, (await stat(join(dirname(path), name))).mode & 0o777]).toEqual([name, 0o600]);
  }
}
