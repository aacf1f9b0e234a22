import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/core/secret.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import { caPin } from '../../../src/credentials/records.ts';
import type { CredentialOptions, NewTokens } from '../../../src/credentials/types.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'credentials-'));
  path = join(dir, '.flwr', '.credentials', 'lab.json');
});
afterEach(async () => {
  await chmod(join(dir, '.flwr', '.credentials'), 0o700).catch(() => {});
  await rm(dir, { recursive: true });
});

const file = (change: Partial<CredentialOptions> = {}) =>
  openCredentials({ path, origin: 'host:9093', caPin: 'system', ...change });
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
const tokens = (mark: string, session = 's1'): NewTokens => ({
  accessToken: new Secret(jwt({ iss: 'https://i', sid: session, mark, exp: 4_000_000_000 })),
  refreshToken: new Secret(`refresh-${mark}`),
  expiresIn: 600,
  sessionId: session,
  account: 'alice',
});
const mode = async (at: string) => ((await stat(at)).mode & 0o777).toString(8);

describe('a stored login', () => {
  test('CF-01: 0600 in 0700 under umask 000, with the keys of flwr', async () => {
    const umask = process.umask(0);
    try {
      await file().write(tokens('a'));
    } finally {
      process.umask(umask);
    }
    const meta = path.replace('.json', '.meta.json');
    const modes = await Promise.all([path, meta, dirname(path), join(dir, '.flwr')].map(mode));
    expect(modes).toEqual(['600', '600', '700', '700']);
    const stored = JSON.parse(await readFile(path, 'utf8'));
    expect(Object.keys(stored)).toEqual([
      'authn-type',
      'auth-type',
      'flwr-oidc-access-token',
      'flwr-oidc-refresh-token',
    ]);
    expect(stored).toMatchObject({ 'authn-type': 'oidc', 'auth-type': 'oidc', 'flwr-oidc-refresh-token': 'refresh-a' });
    expect(await readFile(meta, 'utf8')).not.toContain('refresh-a');
  });

  test('is read, renewed and removed', async () => {
    expect(await file().read()).toBeUndefined();
    expect(await file().remove()).toBe(false);
    await file().write(tokens('a'));
    expect(await file().read()).toMatchObject({
      account: 'alice',
      sessionId: 's1',
      issuer: 'https://i',
      generation: 1,
    });
    const same = await file().renew({ renew: async () => tokens('never') });
    expect(same.credentials.refreshToken.reveal()).toBe('refresh-a');
    const next = await file().renew({ usable: ({ generation }) => generation > 1, renew: async () => tokens('b') });
    expect(next).toMatchObject({ warning: undefined, credentials: { generation: 2 } });
    expect((await file().read())?.refreshToken.reveal()).toBe('refresh-b');
    expect(await file().remove()).toBe(true);
    await expect(file().renew({ renew: async () => tokens('c') })).rejects.toMatchObject({ reason: 'NOT_LOGGED_IN' });
  });

  test('CF-05: goes to no other origin, and trusts no other CA', async () => {
    await file().write(tokens('a'));
    const foreign = { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS_FOREIGN' };
    await expect(file({ origin: 'evil:9093' }).read()).rejects.toMatchObject(foreign);
    await expect(file({ origin: 'host:9094' }).read()).rejects.toMatchObject(foreign);
    await expect(file({ caPin: caPin(Buffer.from('other')) }).read()).rejects.toMatchObject(foreign);
  });

  test('CF-05: a pair that flwr wrote over it is taken if issuer and session match; without the meta file never', async () => {
    await file().write(tokens('a'));
    const rewrite = (session: string) => {
      const { accessToken } = tokens('by-flwr', session);
      const pair = { 'flwr-oidc-access-token': accessToken.reveal(), 'flwr-oidc-refresh-token': 'refresh-by-flwr' };
      return writeFile(path, JSON.stringify({ 'authn-type': 'oidc', ...pair }, undefined, 4));
    };
    await rewrite('s1');
    const read = await file().read();
    expect(read?.refreshToken.reveal()).toBe('refresh-by-flwr');
    expect(read?.expiresInMs).toBe((read?.expiresInMs ?? 0) > 0 ? read?.expiresInMs : undefined);
    await rewrite('s2');
    await expect(file().read()).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
    await rewrite('s1');
    await rm(path.replace('.json', '.meta.json'));
    await expect(file().read()).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
  });

  test('CF-07: truncated at each byte it is an error that names it; it stays; a login heals it', async () => {
    await file().write(tokens('a'));
    const whole = await readFile(path);
    for (let size = 0; size < whole.length; size += 1) {
      await writeFile(path, whole);
      await truncate(path, size);
      const error = await file()
        .read()
        .catch((reason: unknown) => reason as Error & { reason: string });
      expect(error).toMatchObject({ reason: 'CREDENTIALS_CORRUPT', message: expect.stringContaining(path) });
      expect(String((error as Error).message)).not.toContain('refresh');
      expect((await stat(path)).size).toBe(size);
    }
    await file().write(tokens('b'));
    expect((await file().read())?.refreshToken.reveal()).toBe('refresh-b');
  });

  test('refuses names that are no connection', () => {
    expect(() => file({ path: join(dir, '.credentials', 'lab.meta.json') })).toThrow("can't name a connection");
  });
});

describe('CF-02: what is not ours alone is refused', () => {
  const unsafe = { reason: 'CREDENTIALS_UNSAFE' };
  beforeEach(() => file().write(tokens('a')));

  test('a readable file', async () => {
    await chmod(path, 0o644);
    await expect(file().read()).rejects.toMatchObject(unsafe);
  });
  test('a file with a second name', async () => {
    await link(path, join(dir, 'second'));
    await expect(file().read()).rejects.toMatchObject(unsafe);
  });
  test('T-18: a symlinked file is neither read nor written through', async () => {
    const elsewhere = join(dir, 'elsewhere');
    await rename(path, elsewhere);
    await symlink(elsewhere, path);
    await expect(file().read()).rejects.toMatchObject(unsafe);
    const before = await readFile(elsewhere, 'utf8');
    await file().write(tokens('b'));
    expect(await readFile(elsewhere, 'utf8')).toBe(before);
  });
  test.each(['.flwr', '.flwr/.credentials'])('a symlinked %s', async (name) => {
    await rename(join(dir, name), join(dir, 'moved'));
    await symlink(join(dir, 'moved'), join(dir, name));
    await expect(file().read()).rejects.toMatchObject(unsafe);
    await expect(file().write(tokens('b'))).rejects.toMatchObject(unsafe);
  });
  test('a folder that others can write: refused on reading, taken back on writing', async () => {
    await chmod(join(dir, '.flwr'), 0o777);
    await expect(file().read()).rejects.toMatchObject(unsafe);
    await file().write(tokens('b'));
    expect(await mode(join(dir, '.flwr'))).toBe('755');
  });
  test('a project that its group can write is fine', async () => {
    await chmod(dir, 0o775);
    expect(await file().read()).toBeDefined();
  });
});

describe('F-33: a pair that can not be stored', () => {
  test('is still used, with a warning; the old file stays', async () => {
    await file().write(tokens('a'));
    const before = await readFile(path, 'utf8');
    const failing = file({
      onStep: (step) => {
        if (step.endsWith('write')) throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
      },
    });
    const { credentials, warning } = await failing.renew({ usable: () => false, renew: async () => tokens('b') });
    expect(credentials.refreshToken.reveal()).toBe('refresh-b');
    expect(warning).toMatchObject({
      reason: 'CREDENTIALS_NOT_SAVED',
      message: expect.stringContaining('the disk is full'),
    });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect((await file().read())?.refreshToken.reveal()).toBe('refresh-a');
    await expect(failing.write(tokens('c'))).rejects.toMatchObject({ reason: 'CREDENTIALS_NOT_SAVED' });
  });

  test('a folder in the way is told before anybody logs in', async () => {
    await mkdir(join(dir, '.flwr'));
    await writeFile(join(dir, '.flwr', '.credentials'), '');
    await expect(file().prepare()).rejects.toMatchObject({ reason: 'CREDENTIALS_UNSAFE' });
  });
});
