import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findFreeBase } from '../../src/dev/ports.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { type FlowerServer, startFlowerServer } from '../support/flower-server.ts';
import { CONNECTION, invitePeople, type People, type Person } from '../support/people.ts';
import { until } from '../support/until.ts';

let stage: Stage;
let base: number;

beforeAll(async () => {
  stage = await setStage({ engine: { nodes: 0 } });
  base = await findFreeBase();
}, 120_000);
afterAll(() => stage?.close(), 60_000);

/** Our own server with fedctl's services switched off stands for a SuperLink with Flower's login, which can't be had. */
describe.each([
  { transport: 'grpc', port: 0 },
  { transport: 'http', port: 1 },
] as const)("login --import-flwr at a SuperLink with Flower's login, over $transport", ({ transport, port }) => {
  let server: FlowerServer;
  let people: People;
  let alice: Person;
  let address: string;

  beforeAll(async () => {
    const addresses = { 'grpc-address': `127.0.0.1:${base}`, 'https-address': `127.0.0.1:${base + 1}` };
    const urls = { 'public-url': `https://127.0.0.1:${base + 1}` };
    const config = stage.configure(`import-${transport}`, {
      server: { ...addresses, ...urls },
      tokens: { access: '10s' },
    });
    server = await startFlowerServer(config, transport);
    address = `127.0.0.1:${base + port}`;
    people = invitePeople({ ...stage.facts, address });
    alice = people.person('alice');
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    people.leave();
  }, 60_000);

  /** As flwr from 1.26 on would have stored this pair. */
  function keepYaml({ access, refresh }: { access: string; refresh: string }): void {
    const line = (key: string, value: string) =>
      `flower.account-auth.${address}.${key}: ${Buffer.from(value).toString('base64')}\n`;
    const text = line('authn-type', 'oidc') + line('oidc-access-token', access) + line('oidc-refresh-token', refresh);
    writeFileSync(join(alice.home, 'credentials.yaml'), text);
  }

  test('a pair that has expired is renewed by the server and stored for this kind of server', async () => {
    expect((await alice.login()).code).toBe(0);
    const old = alice.tokens();
    expect((await alice.fedctl('logout', '--local')).code).toBe(0);
    keepYaml(old);
    const { exp } = JSON.parse(Buffer.from(old.access.split('.')[1] ?? '', 'base64url').toString());
    await until(() => Date.now() > exp * 1000 + 1000, 30_000);
    expect(await alice.fedctl('login', '--import-flwr')).toMatchObject({
      code: 0,
      stdout: `Logged in to ${address}.\n`,
    });
    expect(alice.tokens().refresh).not.toBe(old.refresh);
    const meta = readFileSync(join(alice.home, '.credentials', `${CONNECTION}.meta.json`), 'utf8');
    expect(JSON.parse(meta).records[0].kind).toBe(`superlink-${transport}`);
    expect((await alice.fedctl('ls')).code).toBe(0);
  }, 120_000);

  test('a pair that the server does not take is refused, and the login that stands stays', async () => {
    const before = alice.tokens();
    keepYaml({ access: 'e30.e30.none', refresh: 'none' });
    expect(await alice.fedctl('login', '--import-flwr')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('has ended'),
    });
    expect(alice.tokens()).toEqual(before);
  }, 60_000);
});
