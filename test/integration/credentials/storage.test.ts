import { chmod, link, readdir, readFile, rename, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/core/errors.ts';
import { Secret } from '../../../src/core/secret.ts';
import { listAccounts } from '../../../src/credentials/accounts.ts';
import { openKeyAgent } from '../../../src/credentials/agent-client.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import type { KeyAgent } from '../../../src/credentials/key-agent.ts';
import type { KeySources } from '../../../src/credentials/keys.ts';
import { writeLoginSettings } from '../../../src/credentials/login-settings.ts';
import type { StorageKind } from '../../../src/credentials/records.ts';
import type { CredentialOptions } from '../../../src/credentials/types.ts';
import { loginFolder, memoryAgent, memoryKeyring, sourcesWith, tokensOf } from '../../support/logins.ts';

let folder: Awaited<ReturnType<typeof loginFolder>>;
let keyring: ReturnType<typeof memoryKeyring>;
beforeEach(async () => {
  folder = await loginFolder();
  keyring = memoryKeyring();
});
afterEach(() => folder.remove());

const keeping = (kind: StorageKind) => ({ storage: { kind, isChosen: true } });
const saying =
  (text: string): KeySources['passphrase'] =>
  async () =>
    new Secret(text);

/** The login as another process opens it: no key is known yet. */
const file = (more: Partial<CredentialOptions> = {}, parts: Parameters<typeof sourcesWith>[0] = {}) =>
  openCredentials({
    path: folder.path,
    origin: 'host:9093',
    caPin: 'system',
    keys: sourcesWith({ keyring: keyring.open, passphrase: saying('correct'), ...parts }),
    ...more,
  });
const refreshOf = async (store = file()) => (await store.read())?.refreshToken.reveal();

describe.each(['keyring', 'encrypted'] as const)('%s', (kind) => {
  test('is read, renewed as what it is, and removed; no token is on disk', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    expect(await file().read()).toMatchObject({ account: 'alice', storage: kind, generation: 1, sessionId: 's1' });
    const renewed = await file().renew({ usable: () => false, renew: async () => tokensOf('b') });
    expect(renewed).toMatchObject({ warning: undefined, credentials: { storage: kind, generation: 2 } });
    expect(await refreshOf()).toBe('refresh-b');
    for (const name of await readdir(dirname(folder.path))) {
      const text = await readFile(join(dirname(folder.path), name), 'utf8');
      expect([name, text.includes('refresh-'), text.includes('e30.')]).toEqual([name, false, false]);
      expect((await stat(join(dirname(folder.path), name))).mode & 0o777).toBe(0o600);
    }
    expect(await file().remove()).toBe(true);
    expect(keyring.secrets.size).toBe(0);
    expect(await file().read()).toBeUndefined();
  });

  test('CF-05: another address or CA is refused before a key is asked for', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    keyring.state.isLocked = true;
    const nobody = async () => {
      throw new Error('asked');
    };
    for (const change of [{ origin: 'evil:1' }, { caPin: 'other' }, { kind: 'superlink-grpc' as const }]) {
      await expect(file(change, { passphrase: nobody }).read()).rejects.toMatchObject({
        reason: 'CREDENTIALS_FOREIGN',
      });
    }
  });

  test('CF-07: truncated or edited it is an error that names it, and stays; a new login heals it', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    const whole = await readFile(folder.path, 'utf8');
    for (const size of [0, 1, 40, whole.length >> 1, whole.length - 3]) {
      await writeFile(folder.path, whole);
      await truncate(folder.path, size);
      const failure = { reason: 'CREDENTIALS_CORRUPT', message: expect.stringContaining(folder.path) };
      await expect(file().read()).rejects.toMatchObject(failure);
      expect((await stat(folder.path)).size).toBe(size);
    }
    const edited = {
      ...JSON.parse(whole),
      data: JSON.parse(whole).data.replace(/^./, (first: string) => (first === 'A' ? 'B' : 'A')),
    };
    await writeFile(folder.path, JSON.stringify(edited));
    await expect(file().read()).rejects.toMatchObject({ reason: 'CREDENTIALS_CORRUPT' });
    await file(keeping(kind)).write(tokensOf('b'));
    expect(await refreshOf()).toBe('refresh-b');
  });

  test('CF-02: links and open modes are refused as for a plain file', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    const unsafe = { reason: 'CREDENTIALS_UNSAFE' };
    await chmod(folder.path, 0o640);
    await expect(file().read()).rejects.toMatchObject(unsafe);
    await chmod(folder.path, 0o600);
    await link(folder.path, join(folder.dir, 'second'));
    await expect(file().read()).rejects.toMatchObject(unsafe);
    await rename(folder.path, join(folder.dir, 'moved'));
    await symlink(join(folder.dir, 'moved'), folder.path);
    await expect(file().read()).rejects.toMatchObject(unsafe);
  });

  test('F-33: what can not be stored is used, with a warning; the old login stays', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    const onStep = (step: string) => {
      if (step.endsWith('write')) throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
    };
    const { credentials, warning } = await file({ onStep }).renew({
      usable: () => false,
      renew: async () => tokensOf('b'),
    });
    expect(credentials).toMatchObject({ storage: kind });
    expect(credentials.refreshToken.reveal()).toBe('refresh-b');
    expect(warning).toMatchObject({ reason: 'CREDENTIALS_NOT_SAVED' });
    expect(await refreshOf()).toBe('refresh-a');
  });

  test('a login without a storage of its own keeps the one before, and another replaces it', async () => {
    await file(keeping(kind)).write(tokensOf('a'));
    await file().write(tokensOf('b'));
    expect(await file().read()).toMatchObject({ storage: kind });
    await file(keeping('file')).write(tokensOf('c'));
    expect(await file().read()).toMatchObject({ storage: 'file' });
    expect(await readFile(folder.path, 'utf8')).toContain('refresh-c');
    expect(keyring.secrets.size).toBe(0);
  });
});

describe('keyring', () => {
  beforeEach(async () => {
    await file(keeping('keyring')).write(tokensOf('a'));
  });

  test('locked: an error with a next step; nothing is deleted', async () => {
    keyring.state.isLocked = true;
    const failure = {
      code: 'FAILED_PRECONDITION',
      reason: 'KEYRING_UNAVAILABLE',
      hint: expect.stringContaining('Unlock'),
    };
    await expect(file().read()).rejects.toMatchObject(failure);
    await expect(file(keeping('keyring')).prepare()).rejects.toMatchObject(failure);
    keyring.state.isLocked = false;
    expect(await refreshOf()).toBe('refresh-a');
  });

  test('its key is gone, or another one: an error; a new login makes one', async () => {
    const [[id = '', key = Buffer.alloc(0)] = []] = [...keyring.secrets];
    keyring.secrets.clear();
    await expect(file().read()).rejects.toMatchObject({ reason: 'KEYRING_KEY_MISSING' });
    keyring.secrets.set(id, Buffer.alloc(32));
    await expect(file().read()).rejects.toMatchObject({ reason: 'KEYRING_KEY_MISSING' });
    keyring.secrets.set(id, key);
    expect(await refreshOf()).toBe('refresh-a');
    keyring.secrets.clear();
    await file().write(tokensOf('b'));
    expect(await refreshOf()).toBe('refresh-b');
  });

  test('moved to another connection it does not open', async () => {
    const other = folder.path.replace('lab.json', 'other.json');
    await rename(folder.path, other);
    await rename(folder.path.replace('.json', '.meta.json'), other.replace('.json', '.meta.json'));
    await expect(file({ path: other }).read()).rejects.toMatchObject({ reason: 'KEYRING_KEY_MISSING' });
  });
});

describe('encrypted', () => {
  test('a wrong passphrase is told from damage; nobody to ask is told from both', async () => {
    await file(keeping('encrypted')).write(tokensOf('a'));
    const tries = ['wrong', 'worse', 'correct'];
    const asked: number[] = [];
    const passphrase: KeySources['passphrase'] = async ({ wrong }) => {
      asked.push(wrong);
      return new Secret(tries[wrong] ?? '');
    };
    expect(await refreshOf(file({}, { passphrase }))).toBe('refresh-a');
    expect(asked).toEqual([0, 1, 2]);
    const nobody = openCredentials({ path: folder.path, origin: 'host:9093', caPin: 'system', keys: sourcesWith({}) });
    await expect(nobody.read()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', reason: 'PASSPHRASE_NEEDED' });
  });

  test('an agent that has the key spares the question, and gets it from whoever was asked', async () => {
    const { agent, keys, labels } = memoryAgent();
    await file(keeping('encrypted')).write(tokensOf('a'));
    let asked = 0;
    const passphrase: KeySources['passphrase'] = async () => {
      asked += 1;
      return new Secret('correct');
    };
    for (let round = 0; round < 3; round += 1)
      expect(await refreshOf(file({}, { agent, passphrase }))).toBe('refresh-a');
    expect(asked).toBe(1);
    expect(labels).toEqual([{ file: folder.path, server: 'host:9093', account: 'alice' }]);
    // A key that is not this file's is no help, and no harm.
    for (const id of keys.keys()) keys.set(id, Buffer.alloc(32));
    expect(await refreshOf(file({}, { agent, passphrase }))).toBe('refresh-a');
    expect(asked).toBe(2);
  });

  test('nobody waits while a new passphrase is asked for', async () => {
    await file().write(tokensOf('a'));
    const passphrase = async () => {
      await file({ lockTimeoutMs: 0 }).write(tokensOf('b'));
      return new Secret('correct');
    };
    await file(keeping('encrypted'), { passphrase }).prepare();
    expect(await refreshOf()).toBe('refresh-b');
  });

  test('one process asks once, also to renew', async () => {
    let asked = 0;
    const keys = sourcesWith({
      passphrase: async () => {
        asked += 1;
        return new Secret('correct');
      },
    });
    await file({ ...keeping('encrypted'), keys }).prepare();
    await file({ ...keeping('encrypted'), keys }).write(tokensOf('a'));
    await file({ keys }).renew({ usable: () => false, renew: async () => tokensOf('b') });
    expect(await refreshOf(file({ keys }))).toBe('refresh-b');
    expect(asked).toBe(1);
  });
});

describe('none', () => {
  const onDisk = async () => {
    const names = await readdir(dirname(folder.path));
    return (await Promise.all(names.map((name) => readFile(join(dirname(folder.path), name), 'utf8')))).join();
  };

  test('with an agent the login lives there: read, renewed, removed; no token is on disk', async () => {
    const { agent, texts } = memoryAgent();
    const login = (more: Partial<CredentialOptions> = {}) => file(more, { agent });
    await login(keeping('none')).write(tokensOf('a'));
    expect(await login().read()).toMatchObject({ storage: 'none', account: 'alice' });
    const { warning } = await login().renew({ usable: () => false, renew: async () => tokensOf('b') });
    expect(warning).toBeUndefined();
    expect(await refreshOf(login())).toBe('refresh-b');
    expect(await onDisk()).not.toMatch(/refresh-|e30\./);
    expect(await readdir(dirname(folder.path))).toEqual(['lab.meta.json']);
    expect(await login().remove()).toBe(true);
    expect(texts.size).toBe(0);
    expect(await login().read()).toBeUndefined();
  });

  test('an agent that is gone, or locked: an error that says what to do; nothing is deleted', async () => {
    const { agent, state } = memoryAgent();
    await file(keeping('none'), { agent }).write(tokensOf('a'));
    const kept = {
      code: 'UNAUTHENTICATED',
      reason: 'CREDENTIALS_NOT_KEPT',
      hint: expect.stringContaining('fedctl agent'),
    };
    await expect(file().read()).rejects.toMatchObject(kept);
    state.isLocked = true;
    await expect(file({}, { agent }).read()).rejects.toMatchObject({ reason: 'AGENT_LOCKED' });
    await expect(file({}, { agent }).write(tokensOf('b'))).rejects.toMatchObject({ reason: 'AGENT_LOCKED' });
    state.isLocked = false;
    expect(await refreshOf(file({}, { agent }))).toBe('refresh-a');
  });

  test('a login that nobody would have is not taken from where it is', async () => {
    const { agent, texts, state } = memoryAgent();
    await file().write(tokensOf('a'));
    await expect(file(keeping('none')).write(tokensOf('b'))).rejects.toMatchObject({ reason: 'CREDENTIALS_NOT_KEPT' });
    state.isLocked = true;
    const locked = file(keeping('none'), { agent }).write(tokensOf('b'));
    await expect(locked).rejects.toMatchObject({ reason: 'AGENT_LOCKED' });
    expect(await file().read()).toMatchObject({ storage: 'file', generation: 1 });
    state.isLocked = false;
    await file(keeping('none'), { agent }).write(tokensOf('b'));
    await file(keeping('file'), { agent }).write(tokensOf('c'));
    expect(texts.size).toBe(0);
    expect(await refreshOf()).toBe('refresh-c');
  });

  test('an agent that is locked or has died is found out before anybody is sent to log in', async () => {
    const { agent, state } = memoryAgent();
    const prepare = () => file(keeping('none'), { agent }).prepare();
    expect(await prepare()).toEqual([]);
    state.isLocked = true;
    await expect(prepare()).rejects.toMatchObject({ reason: 'AGENT_LOCKED' });
    const login = file(keeping('none'), { agent: openKeyAgent(join(folder.dir, 'gone/agent.sock')) });
    await expect(login.prepare()).rejects.toMatchObject({ reason: 'AGENT_UNREACHABLE' });
  });

  test('an agent that has died: the login is listed, replaced and forgotten all the same', async () => {
    const { agent } = memoryAgent();
    const dead: KeyAgent = {
      ...agent,
      tokens: async () => {
        throw new AppError('UNAVAILABLE', 'AGENT_UNREACHABLE', 'No agent answers.');
      },
    };
    await file(keeping('none'), { agent }).write(tokensOf('a'));
    await expect(file({}, { agent: dead }).read()).rejects.toMatchObject({ reason: 'AGENT_UNREACHABLE' });
    const place = { path: folder.path, origin: 'host:9093', caPin: 'system', keys: sourcesWith({ agent: dead }) };
    expect(await listAccounts(place)).toMatchObject([{ name: 'alice', storage: 'none', isActive: true }]);
    await file(keeping('file'), { agent: dead }).write(tokensOf('b'));
    expect(await refreshOf()).toBe('refresh-b');
    await file(keeping('none'), { agent }).write(tokensOf('c'));
    expect(await file({}, { agent: dead }).remove()).toBe(true);
    expect(await file().read()).toBeUndefined();
  });

  test('without an agent a login that needs nobody is made anew by each command', async () => {
    await file(keeping('none')).write(tokensOf('a', { refresh: '' }));
    writeLoginSettings({ path: folder.path, origin: 'host:9093', caPin: 'system' }, { grant: 'client_credentials' });
    const login = await file().read();
    expect(login).toMatchObject({ account: 'alice', kind: 'fedctl', storage: 'none', expiresInMs: 0 });
    expect(login?.accessToken.reveal()).toBe('');
    for (const mark of ['b', 'c']) {
      const renewed = await file().renew({ usable: () => true, renew: async () => tokensOf(mark, { refresh: '' }) });
      expect(renewed.credentials.accessToken.reveal()).toBe(tokensOf(mark).accessToken.reveal());
      expect(renewed.warning).toBeUndefined();
    }
    expect(await onDisk()).not.toMatch(/e30\./);
  });
});

describe('a login without a refresh token', () => {
  test('is stored and renewed; another account than before is refused', async () => {
    await file().write(tokensOf('a', { refresh: '' }));
    expect(await refreshOf()).toBe('');
    const again = (account: string) =>
      file().renew({ usable: () => false, renew: async () => tokensOf('b', { refresh: '', account }) });
    await expect(again('mallory')).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
    expect((await again('alice')).credentials.generation).toBe(2);
  });

  test('of a SuperLink it is damage', async () => {
    await file({ kind: 'superlink-grpc' }).write(tokensOf('a', { refresh: '' }));
    await expect(file().read()).rejects.toMatchObject({ reason: 'CREDENTIALS_CORRUPT' });
  });
});
