import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findFreeBase } from '../../src/dev/ports.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { type FlowerServer, startFlowerServer } from './flower-server.ts';
import { allTicks, CONNECTION, invitePeople, type People, type Person, ticksIn } from './people.ts';
import { until } from './until.ts';

/** Offsets of the ports that speak them. */
const PORTS = { grpc: 0, http: 1 } as const;

/** Our own server with fedctl's services switched off stands for a SuperLink with Flower's login, which can't be had. */
export function superlinkLogin(transport: keyof typeof PORTS): void {
  describe(`a SuperLink with Flower's login, over ${transport}`, () => {
    let stage: Stage;
    let server: FlowerServer | undefined;
    let base: number;
    const port = PORTS[transport];

    /** The server, with one of Flower's wires, again on the same ports and state; `access` is the life of its access tokens. */
    async function startServer(access: string): Promise<FlowerServer> {
      const addresses = { 'grpc-address': `127.0.0.1:${base}`, 'https-address': `127.0.0.1:${base + 1}` };
      const urls = { 'public-url': `https://127.0.0.1:${base + 1}` };
      return await startFlowerServer(
        stage.configure(`flower-${access}`, { server: { ...addresses, ...urls }, tokens: { access } }),
        transport,
      );
    }

    let people: People;
    let alice: Person;
    let address: string;
    let run = '';

    const serve = async (access: string): Promise<void> => {
      await server?.stop();
      server = await startServer(access);
    };
    const file = (name: string) => join(alice.home, '.credentials', name);
    const meta = () => JSON.parse(readFileSync(file(`${CONNECTION}.meta.json`), 'utf8'));

    /** Waits until the stored access token is over. */
    async function expired(): Promise<void> {
      const { exp } = JSON.parse(Buffer.from(alice.tokens().access.split('.')[1] ?? '', 'base64url').toString());
      await until(() => Date.now() > exp * 1000 + 1000, 30_000);
    }

    /** A login whose access token is over, before a server whose tokens live for long. */
    async function logInAndExpire(): Promise<void> {
      await serve('10s');
      expect(await alice.login('--force')).toMatchObject({ code: 0 });
      await expired();
      await serve('1h');
    }

    beforeAll(async () => {
      stage = await setStage({ engine: { nodes: 0 } });
      base = await findFreeBase();
      await serve('1h');
      address = `127.0.0.1:${base + port}`;
      people = invitePeople({ ...stage.facts, address });
      alice = people.person('alice');
    }, 180_000);
    afterAll(async () => {
      await server?.stop();
      await stage?.close();
      people?.leave();
    }, 60_000);

    test('before the login every command says so, and nothing is stored', async () => {
      for (const args of [['ls'], ['log', 'latest'], ['stop', 'latest'], ['whoami']]) {
        const { code, stdout, stderr } = await alice.fedctl(...args);
        expect({ args, code, stdout, stderr }).toEqual({
          args,
          code: 3,
          stdout: '',
          stderr: 'Error: You are not logged in.\nRun: fedctl login\n',
        });
      }
      const { findings } = JSON.parse((await alice.fedctl('doctor', '--json')).stdout);
      const found = findings.find(({ name }: { name: string }) => name === 'server');
      expect(found).toMatchObject({ state: 'ok', text: expect.stringContaining("with Flower's login") });
    }, 60_000);

    test('login: the pair is stored private, bound to origin and kind of server', async () => {
      expect(await alice.login()).toMatchObject({ code: 0, stdout: `Logged in to ${address}.\n` });
      const stored = JSON.parse(readFileSync(file(`${CONNECTION}.json`), 'utf8'));
      expect(stored).toMatchObject({ 'authn-type': 'oidc', 'auth-type': 'oidc' });
      expect(statSync(file(`${CONNECTION}.json`)).mode & 0o777).toBe(0o600);
      expect(meta().records[0]).toMatchObject({ server: address, kind: `superlink-${transport}`, account: '' });
      expect(await alice.fedctl('login')).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
    }, 60_000);

    test('run, ls, log, stop', async () => {
      run = await alice.tick({ ticks: 3, pause: 0.1 });
      const followed = await alice.fedctl('log', run);
      expect({ code: followed.code, ticks: ticksIn(followed.stdout) }).toEqual({ code: 0, ticks: allTicks(3) });
      const { runs } = await alice.json<{ runs: object[] }>(['ls', '--limit', '1']);
      expect(runs).toMatchObject([{ 'run-id': run, owner: 'alice', status: 'finished:completed' }]);
      const long = await alice.tick({ ticks: 1000, pause: 0.2 });
      const follower = alice.start('log', long);
      await follower.until('tick 2 of');
      expect(await alice.fedctl('stop', long)).toMatchObject({ code: 0 });
      expect(await follower.ended).toMatchObject({ code: 11 });
    }, 180_000);

    test('whoami tells what is known and no more', async () => {
      expect(await alice.json(['whoami'])).toEqual({
        success: true,
        server: 'superlink',
        account: null,
        transport,
        'logged-in': true,
        connection: CONNECTION,
        address,
      });
    }, 30_000);

    test('an expired token is renewed on the way, and the new pair is stored before the command ends', async () => {
      await logInAndExpire();
      const before = alice.tokens();
      const { generation } = meta().records[0];
      expect(await alice.fedctl('ls', '--run-id', run)).toMatchObject({ code: 0, stderr: '' });
      const after = alice.tokens();
      expect(after.access).not.toBe(before.access);
      expect(after.refresh).not.toBe(before.refresh);
      expect(meta().records[0]).toMatchObject({ generation: generation + 1, kind: `superlink-${transport}` });
    }, 90_000);

    test('CF-04: concurrent commands with one expired token: one renewal, all succeed', async () => {
      await logInAndExpire();
      const { generation } = meta().records[0];
      const all = await Promise.all(Array.from({ length: 6 }, () => alice.fedctl('ls', '--run-id', run)));
      expect(all.map(({ code, stderr }) => ({ code, stderr }))).toEqual(all.map(() => ({ code: 0, stderr: '' })));
      expect(meta().records[0].generation).toBe(generation + 1);
      expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
    }, 120_000);

    test('a log goes on while its token is renewed', async () => {
      await serve('10s');
      expect(await alice.login('--force')).toMatchObject({ code: 0 });
      const long = await alice.tick({ ticks: 1000, pause: 0.2 });
      const follower = alice.start('log', long);
      await follower.until('tick 2 of');
      await expired();
      await server?.stop();
      await follower.until('The connection was lost');
      await serve('1h');
      await until(async () => (await alice.fedctl('stop', long)).code === 0, 30_000);
      const { code, stdout } = await follower.ended;
      const ticks = ticksIn(stdout);
      expect({ code, ticks }).toEqual({ code: 11, ticks: allTicks(ticks.length) });
    }, 180_000);

    test('CF-05: tokens go to no other origin, no other kind of server, and over no plaintext', async () => {
      const config = join(alice.home, 'config.toml');
      const good = readFileSync(config, 'utf8');
      const other = 1 - port;
      writeFileSync(config, good.replace(address, `127.0.0.1:${base + other}`));
      expect(await alice.fedctl('ls')).toMatchObject({ code: 3, stderr: expect.stringContaining('is for') });
      writeFileSync(config, good.replace(/root-certificates = .*/, 'insecure = true'));
      expect((await alice.fedctl('ls')).code).not.toBe(0);
      writeFileSync(config, good);
      expect(await alice.fedctl('ls')).toMatchObject({ code: 0 });
      expect(server?.log()).not.toContain(alice.tokens().access);
    }, 60_000);

    test('logout forgets here and says that this is all', async () => {
      const { code, stdout } = await alice.fedctl('logout');
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/forgotten here.*until they expire/) });
      expect((await alice.fedctl('ls')).code).toBe(3);
      expect(() => statSync(file(`${CONNECTION}.json`))).toThrow();
    }, 30_000);
  });
}
