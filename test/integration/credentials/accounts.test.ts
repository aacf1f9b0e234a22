import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { listAccounts, switchAccount } from '../../../src/credentials/accounts.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import { readLoginSettings, writeLoginSettings } from '../../../src/credentials/login-settings.ts';
import { STORAGE_KINDS, type StorageKind } from '../../../src/credentials/records.ts';
import type { CredentialOptions } from '../../../src/credentials/types.ts';
import { loginFolder, memoryAgent, memoryKeyring, sourcesWith, tokensOf } from '../../support/logins.ts';

let folder: Awaited<ReturnType<typeof loginFolder>>;
let keyring: ReturnType<typeof memoryKeyring>;
let agent: ReturnType<typeof memoryAgent>;
let keys: CredentialOptions['keys'] & object;
beforeEach(async () => {
  folder = await loginFolder();
  [keyring, agent] = [memoryKeyring(), memoryAgent()];
  const passphrase = async () => new Secret('correct');
  keys = sourcesWith({ keyring: keyring.open, agent: agent.agent, passphrase });
});
afterEach(() => folder.remove());

const options = (more: Partial<CredentialOptions> = {}): CredentialOptions => ({
  path: folder.path,
  origin: 'host:9093',
  caPin: 'system',
  keys,
  ...more,
});
const file = (more: Partial<CredentialOptions> = {}) => openCredentials(options(more));
const settingsAt = (name = 'lab') => ({
  path: join(dirname(folder.path), `${name}.json`),
  origin: 'host:9093',
  caPin: 'system',
});

/** Logs in `account` beside whoever is there. */
async function logIn(account: string, kind: StorageKind = 'file', mark = account): Promise<void> {
  await file({ beside: account, storage: { kind, isChosen: true } }).write(
    tokensOf(mark, { account, session: `session-${mark}` }),
  );
  writeLoginSettings(settingsAt(), { grant: 'device_code', username: account });
}
const names = async () => (await listAccounts(options())).map(({ name, isActive }) => (isActive ? `*${name}` : name));
const active = async () => (await file().read())?.refreshToken.reveal();
const refreshOf = async (account: string) => {
  const isActive = (await names()).includes(`*${account}`);
  return (await file(isActive ? {} : { account }).read())?.refreshToken.reveal();
};
const whole = async (accounts: readonly string[]) => {
  for (const account of accounts) expect([account, await refreshOf(account)]).toEqual([account, `refresh-${account}`]);
};

describe('several accounts of one connection', () => {
  test('a login that only an agent has is not switched, nor parked, where that agent is not known', async () => {
    await logIn('alice', 'none');
    await logIn('bob');
    const alone = { keys: sourcesWith({ keyring: keyring.open }) };
    const kept = { reason: 'CREDENTIALS_NOT_KEPT', hint: expect.stringContaining('whose agent has it') };
    await expect(switchAccount(options(alone), 'alice')).rejects.toMatchObject(kept);
    await switchAccount(options(), 'alice');
    await expect(switchAccount(options(alone), 'bob')).rejects.toMatchObject(kept);
    await expect(file({ ...alone, beside: 'carol' }).prepare()).rejects.toMatchObject(kept);
    await whole(['alice', 'bob']);
    expect(await names()).toEqual(['*alice', 'bob']);
  });

  test('a login beside another: the new one is active, both are whole; one of the same name is replaced', async () => {
    for (const account of ['alice', 'bob', 'carol']) await logIn(account);
    expect(await names()).toEqual(['*carol', 'alice', 'bob']);
    await whole(['alice', 'bob', 'carol']);
    await logIn('bob', 'file', 'bob-again');
    expect(await names()).toEqual(['*bob', 'alice', 'carol']);
    expect(await active()).toBe('refresh-bob-again');
    await whole(['alice', 'carol']);
    expect((await readdir(dirname(folder.path))).filter((name) => name.startsWith('lab~bob'))).toEqual([]);
  });

  test('switching there and back; settings go along; an unknown one is not here', async () => {
    await logIn('alice');
    await logIn('bob');
    expect(await switchAccount(options(), 'alice')).toBe(true);
    expect(await switchAccount(options(), 'alice')).toBe(false);
    expect(await names()).toEqual(['*alice', 'bob']);
    expect(readLoginSettings(settingsAt()).username).toBe('alice');
    expect(readLoginSettings(settingsAt('lab~bob')).username).toBe('bob');
    await whole(['alice', 'bob']);
    await expect(switchAccount(options(), 'mallory')).rejects.toMatchObject({ reason: 'ACCOUNT_NOT_HERE' });
    await expect(switchAccount(options(), '../x')).rejects.toMatchObject({ reason: 'ACCOUNT_NAME_INVALID' });
  });

  test('a command that runs keeps its account when another is made active, and renews its own', async () => {
    await logIn('bob');
    await logIn('alice');
    const running = file();
    await running.read();
    await switchAccount(options(), 'bob');
    expect((await running.read())?.account).toBe('alice');
    const renewed = await running.renew({
      usable: () => false,
      renew: async () => tokensOf('alice-2', { session: 'session-alice' }),
    });
    expect(renewed.credentials.account).toBe('alice');
    expect([await active(), await refreshOf('alice')]).toEqual(['refresh-bob', 'refresh-alice-2']);
    await file({ account: 'alice' }).remove();
    expect(await running.read()).toBeUndefined();
    await expect(running.renew({ renew: async () => tokensOf('x') })).rejects.toMatchObject({
      reason: 'NOT_LOGGED_IN',
    });
    expect(await active()).toBe('refresh-bob');
  });

  test('CF-05: each belongs to its server; one of another is not switched to', async () => {
    await logIn('alice');
    await logIn('bob');
    const moved = options({ origin: 'other:1' });
    for (const account of [undefined, 'alice']) {
      await expect(openCredentials({ ...moved, account }).read()).rejects.toMatchObject({
        reason: 'CREDENTIALS_FOREIGN',
      });
    }
    await expect(switchAccount(moved, 'alice')).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
    expect(await names()).toEqual(['*bob', 'alice']);
  });

  test('CF-03: names that would be no file of their own are refused', async () => {
    await logIn('alice');
    for (const beside of ['Alice', 'a/b', '', 'a~b', 'x.meta', 'a'.repeat(65)]) {
      await expect(file({ beside }).prepare()).rejects.toMatchObject({ reason: 'ACCOUNT_NAME_INVALID' });
    }
  });

  test('a damaged one is listed as that, and harms no other', async () => {
    await logIn('alice');
    await logIn('bob');
    await writeFile(join(dirname(folder.path), 'lab~alice.json'), '{"authn-type": "oi', { mode: 0o600 });
    expect(await listAccounts(options())).toMatchObject([{ name: 'bob' }, { name: 'alice', isDamaged: true }]);
    expect(await active()).toBe('refresh-bob');
  });

  test('the key of the keyring stays for as long as a login is sealed with it', async () => {
    await logIn('alice', 'keyring');
    await logIn('bob', 'keyring');
    await file().remove();
    expect(keyring.secrets.size).toBe(1);
    await whole(['alice']);
    await file({ account: 'alice' }).remove();
    expect(keyring.secrets.size).toBe(0);
  });
});

describe('F-31: cut short before any step of a switch, both logins are whole and one is active', () => {
  // The ways of a switch are the same for what is sealed as for what is not; all pairs: SWITCH_PAIRS=all.
  const few = ['file file', 'keyring none', 'none encrypted'];
  const all = STORAGE_KINDS.flatMap((from) => STORAGE_KINDS.map((to) => `${from} ${to}`));
  const kinds = (process.env.SWITCH_PAIRS === 'all' ? all : few).map(
    (text) => text.split(' ') as [StorageKind, StorageKind],
  );

  test.each(kinds)('%s to %s', async (from, to) => {
    await logIn('bob', to);
    await logIn('alice', from);
    let steps = 0;
    const count = () => {
      steps += 1;
    };
    await switchAccount(options({ onStep: count }), 'bob');
    expect(steps).toBeGreaterThan(10);
    const seen = new Set<string>();
    for (let at = 1; at <= steps; at += 1) {
      await switchAccount(options(), 'alice');
      let step = 0;
      const onStep = () => {
        step += 1;
        if (step === at) throw new Error('killed');
      };
      await expect(switchAccount(options({ onStep }), 'bob')).rejects.toThrow('killed');
      const listed = await names();
      expect([...listed].sort()).toEqual(
        [
          ['*alice', 'bob'],
          ['*bob', 'alice'],
        ].find(([one]) => listed.includes(one ?? '')),
      );
      seen.add(listed[0] ?? '');
      await whole(['alice', 'bob']);
      await switchAccount(options(), 'bob');
      expect(await names()).toEqual(['*bob', 'alice']);
      await whole(['alice', 'bob']);
      expect(readLoginSettings(settingsAt()).username).toBe('bob');
    }
    expect([...seen].sort()).toEqual(['*alice', '*bob']);
    const left = await readdir(dirname(folder.path));
    expect(left.filter((name) => name.startsWith('lab~bob') || name.endsWith('.tmp'))).toEqual([]);
    if (from === 'none' && to === 'none')
      expect(await readFile(folder.path.replace('.json', '.meta.json'), 'utf8')).toContain('none');
  });
});
