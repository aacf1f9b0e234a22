import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newTokens, openSuperlinkLogin } from '../../../src/client/superlink/tokens.ts';
import { openCredentials } from '../../../src/credentials/credential-file.ts';
import type { ServerKind } from '../../../src/credentials/records.ts';
import type { FlowerTokenStore, FlowerTokens } from '../../../src/flower/control.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'superlink-login-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const file = (kind?: ServerKind) => {
  const path = join(dir, '.flwr', '.credentials', 'lab.json');
  return openCredentials({ path, origin: 'host:9093', caPin: 'system', ...(kind === undefined ? {} : { kind }) });
};

const now = Math.floor(Date.now() / 1000);
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
/** A pair whose access token lives `life` seconds from now on, told apart by `mark`. */
const pair = (mark: string, life: number): FlowerTokens => ({
  accessToken: jwt({ mark, iat: now, exp: now + life }),
  refreshToken: `refresh-${mark}`,
});
const opaque = (mark: string): FlowerTokens => ({ accessToken: `opaque-${mark}`, refreshToken: `refresh-${mark}` });

/** The login of one command. `ask` is what the server does when it is shown a pair. */
function command(ask: (store: FlowerTokenStore) => Promise<unknown> = async () => undefined) {
  const warnings: string[] = [];
  const login = openSuperlinkLogin({ store: file('superlink-grpc'), ask, warn: (line) => void warnings.push(line) });
  return { login, warnings };
}

const stored = async () => (await file().read())?.accessToken.reveal();
const log = (tokens: FlowerTokens) => file('superlink-grpc').write(newTokens(tokens));

describe('CF-05: a login is bound to the kind of server that it is from', () => {
  test('it is read as what it is, and not given out for another kind', async () => {
    await log(pair('a', 600));
    expect(await file().read()).toMatchObject({ kind: 'superlink-grpc' });
    for (const kind of ['fedctl', 'superlink-http'] as const) {
      await expect(file(kind).read()).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
    }
  });

  test('one of a control plane stays one, in the form that it has always had', async () => {
    await file('fedctl').write(newTokens(pair('a', 600), 'alice'));
    expect(await file().read()).toMatchObject({ kind: 'fedctl', account: 'alice' });
    expect(await readFile(join(dir, '.flwr/.credentials/lab.meta.json'), 'utf8')).not.toContain('kind');
    await expect(file('superlink-grpc').read()).rejects.toMatchObject({ reason: 'CREDENTIALS_FOREIGN' });
  });
});

describe('a pair that the server hands out on the way', () => {
  test('replaces the one that it was handed out for', async () => {
    await log(opaque('a'));
    const { login } = command();
    const old = await login.tokens();
    await login.renewed(opaque('b'), old);
    expect(await stored()).toBe('opaque-b');
    expect(await command().login.tokens()).toEqual(opaque('b'));
  });

  test('of two that concurrent commands got, the later one stays', async () => {
    await log(pair('a', 5));
    const [one, other] = [command(), command()];
    const old = await one.login.tokens();
    await one.login.renewed(pair('late', 900), old);
    await other.login.renewed(pair('early', 600), old);
    expect(await stored()).toBe(pair('late', 900).accessToken);
    expect(await other.login.changed()).toBe(true);
  });

  test('after a logout it is not stored', async () => {
    await log(opaque('a'));
    const { login } = command();
    const old = await login.tokens();
    await file().remove();
    await login.renewed(opaque('b'), old);
    expect(await stored()).toBeUndefined();
  });

  test('F-30: one that can not be stored is used by this command, with a warning', async () => {
    await log(opaque('a'));
    const path = join(dir, '.flwr', '.credentials', 'lab.json');
    const onStep = (step: string) => {
      if (step.endsWith(': write')) throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
    };
    const store = openCredentials({ path, origin: 'host:9093', caPin: 'system', kind: 'superlink-grpc', onStep });
    const warnings: string[] = [];
    const login = openSuperlinkLogin({ store, ask: async () => undefined, warn: (line) => void warnings.push(line) });
    await login.renewed(opaque('b'), await login.tokens());
    expect(await login.tokens()).toEqual(opaque('b'));
    expect(await stored()).toBe('opaque-a');
    expect(warnings).toEqual([expect.stringContaining('the disk is full')]);
    expect(warnings.join()).not.toContain('opaque');
  });
});

describe('a token that is known to be over', () => {
  const over = (): FlowerTokens => ({ accessToken: jwt({ iat: now - 100, exp: now - 40 }), refreshToken: 'refresh' });
  /** Stored 100 s ago, so that its 60 s are over. */
  async function logOver(): Promise<void> {
    const path = join(dir, '.flwr', '.credentials', 'lab.json');
    const early = { ...newTokens(over()), expiresIn: 0 };
    await openCredentials({ path, origin: 'host:9093', caPin: 'system', kind: 'superlink-grpc' }).write(early);
  }

  test('CF-04: is renewed by one of many commands, before they go on', async () => {
    await logOver();
    let asked = 0;
    const ask = async (store: FlowerTokenStore) => {
      asked += 1;
      await store.renewed(pair('b', 600), (await store.tokens()) as FlowerTokens);
    };
    const all = await Promise.all(Array.from({ length: 8 }, () => command(ask).login.tokens()));
    expect(all).toEqual(all.map(() => pair('b', 600)));
    expect(asked).toBe(1);
  });

  test('is sent all the same where the server takes it without a new one', async () => {
    await logOver();
    expect(await command().login.tokens()).toEqual(over());
    expect(await stored()).toBe(over().accessToken);
  });
});
