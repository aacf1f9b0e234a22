import { cpSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { findFreeBase } from '../../src/dev/ports.ts';
import { type Balancer, startBalancer } from '../e2e/faults/balancer.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { startCli } from '../support/cli.ts';
import { CONNECTION, type Person } from '../support/people.ts';
import { until } from '../support/until.ts';

let stage: Stage;
let alice: Person;
let balancer: Balancer;
/** Where the server of the moment, or both of them, can be reached: never the same port twice. */
let backends: { readonly grpc: string; readonly https: string }[];

beforeAll(async () => {
  balancer = await startBalancer();
  // Fifty processes on a few cores take longer than one call is usually given.
  stage = await setStage({ env: { FEDCTL_TIMEOUT: '90' }, address: balancer.address });
  const base = await findFreeBase();
  backends = [0, 2].map((offset) => ({
    grpc: `127.0.0.1:${base + offset}`,
    https: `127.0.0.1:${base + offset + 1}`,
  }));
  alice = stage.people.person('alice');
}, 60_000);
afterEach(() => stage.silence());
afterAll(async () => {
  await balancer?.close();
  await stage?.close();
}, 30_000);

/** Servers on one database, of which the balancer takes turns. */
async function serve(count: number, access: string): Promise<void> {
  const used = backends.slice(0, count);
  for (const { grpc, https } of used) {
    const server = { 'grpc-address': grpc, 'https-address': https, 'public-url': stage.facts.https };
    await stage.serve({ changes: { server, tokens: { access } } });
  }
  balancer.send(used.map(({ grpc }) => grpc));
}

/** A login whose access token is over, before servers whose tokens live for long. */
async function logInAndExpire(count: number): Promise<void> {
  await serve(1, '10s');
  expect(await alice.login('--force')).toMatchObject({ code: 0 });
  const { exp } = JSON.parse(Buffer.from(alice.tokens().access.split('.')[1] ?? '', 'base64url').toString());
  await stage.silence();
  await serve(count, '1h');
  await until(() => Date.now() > exp * 1000 + 1000, 30_000);
}

/** How often the identity provider has given a refresh token: once for each login, once for each renewal. */
function providerGrants(): number {
  const database = new DatabaseSync(stage.idpDatabase, { readOnly: true, timeout: 5_000 });
  try {
    const row = database.prepare("select count(*) as n from entry where model = 'RefreshToken'").get();
    return Number(row?.n);
  } finally {
    database.close();
  }
}

/** Homes with a copy of one login each: as if a person had taken it to that many machines. */
function copyHomes(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const home = join(stage.folder, `host-${index}`);
    cpSync(alice.home, home, { recursive: true });
    return home;
  });
}

async function listFrom(homes: readonly string[]) {
  const env = { FEDCTL_TIMEOUT: '90' };
  const all = homes.map((home) => startCli(['ls'], { cwd: home, env: { ...env, FLWR_HOME: home } }).ended);
  return (await Promise.all(all)).map(({ code, stdout, stderr }) => ({ code, stdout, stderr }));
}

const GOOD = { code: 0, stdout: 'No runs.\n', stderr: '' };

describe('RT-02, F-32: many processes and one login whose token has expired', () => {
  test('CF-04: 50 processes: 50 successes, one renewal at the identity provider, a whole credential file', async () => {
    await logInAndExpire(1);
    const before = { grants: providerGrants(), tokens: alice.tokens() };
    const results = await listFrom(Array.from({ length: 50 }, () => alice.home));
    expect(results).toEqual(results.map(() => GOOD));
    expect(providerGrants()).toBe(before.grants + 1);
    const after = alice.tokens();
    expect(after.access).not.toBe(before.tokens.access);
    expect(after.refresh).not.toBe(before.tokens.refresh);
    const file = join(alice.home, '.credentials', `${CONNECTION}.json`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ 'authn-type': 'oidc' });
    expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
  }, 180_000);

  test('two servers on one database, three machines with the same login: one renewal, all succeed', async () => {
    await logInAndExpire(2);
    const before = providerGrants();
    const homes = copyHomes(3);
    const results = await listFrom(homes.flatMap((home) => Array.from({ length: 6 }, () => home)));
    expect(results).toEqual(results.map(() => GOOD));
    expect(providerGrants()).toBe(before + 1);
    expect(balancer.connections().every((count) => count > 0)).toBe(true);
    expect(await listFrom(homes)).toEqual(homes.map(() => GOOD));
  }, 180_000);
});
