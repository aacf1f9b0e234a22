import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type LaunchedAgent, launchAgent } from '../../src/agent/launch.ts';
import type { StorageKind } from '../../src/credentials/records.ts';
import { findFreeBase } from '../../src/dev/ports.ts';
import { type Balancer, startBalancer } from '../e2e/faults/balancer.ts';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { startCli } from '../support/cli.ts';
import type { Person } from '../support/people.ts';
import { type Crew, hireCrew } from './crew.ts';
import { seconds, spread, tell } from './figures.ts';
import { copyHomes, credentialPath, expire, keepIn, type LoginOptions, loginIn, providerGrants } from './logins.ts';

/** Less of them on a machine that has other things to do; the result of such a run is no proof. */
const PROCESSES = Number(process.env.FEDCTL_SLOW_PROCESSES ?? 100);
const ROUNDS = Number(process.env.FEDCTL_SLOW_ROUNDS ?? 20);
const MINUTES = 60_000;

let stage: Stage;
let alice: Person;
let balancer: Balancer;
let backends: { readonly 'grpc-address': string; readonly 'https-address': string }[];
let crew: Crew;
let agent: LaunchedAgent;
let runtime: string;

beforeAll(async () => {
  balancer = await startBalancer();
  stage = await setStage({ env: { FEDCTL_TIMEOUT: '90' }, address: balancer.address });
  const base = await findFreeBase();
  backends = [0, 2].map((offset) => ({
    'grpc-address': `127.0.0.1:${base + offset}`,
    'https-address': `127.0.0.1:${base + offset + 1}`,
  }));
  alice = stage.people.person('alice');
  runtime = mkdtempSync(join(tmpdir(), 'fedctl-slow-'));
  chmodSync(runtime, 0o700);
  agent = await launchAgent({ env: { XDG_RUNTIME_DIR: runtime }, lifetimeMs: undefined, isTied: false });
  crew = await hireCrew(PROCESSES);
}, 15 * MINUTES);
afterAll(async () => {
  await crew?.close();
  if (agent) process.kill(agent.pid);
  await balancer?.close();
  await stage?.close();
  if (runtime) rmSync(runtime, { recursive: true, force: true });
}, MINUTES);
afterEach(() => stage.silence());

/** Control planes on one database, which take turns, and a login at them. */
async function serve(count: number): Promise<void> {
  const used = backends.slice(0, count);
  for (const backend of used) {
    const server = { ...backend, 'public-url': stage.facts.https };
    await stage.serve({ changes: { server, tokens: { access: '1h' } } });
  }
  balancer.send(used.map((backend) => backend['grpc-address']));
  await loginIn({ home: alice.home, facts: stage.facts, agent: agent.socket }).remove();
  expect(await alice.login()).toMatchObject({ code: 0 });
}

interface Race {
  readonly servers: number;
  readonly storage: StorageKind;
  /** Copies of the login on machines of their own; 1 = all share one file. */
  readonly machines: number;
}

/** What has to stand in the folder: never a temporary file, a lock, or anything open to others. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  file: ['lab.json', 'lab.meta.json'],
  encrypted: ['lab.json', 'lab.meta.json'],
  none: ['lab.meta.json'],
};

function expectWholeFiles({ home }: LoginOptions, storage: StorageKind): void {
  const folder = dirname(credentialPath(home));
  const left = readdirSync(folder).filter((name) => name !== 'lab.login.json');
  expect(left.sort()).toEqual(FILES[storage]);
  for (const name of left) expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
}

/** The places of a race's login, each with an expired access token. */
async function prepare({ storage, machines }: Race): Promise<readonly LoginOptions[]> {
  const homes = machines === 1 ? [alice.home] : copyHomes(alice.home, stage.folder, machines);
  const places = homes.map((home) => ({ home, facts: stage.facts, agent: agent.socket }));
  for (const place of places) if (storage !== 'file') await keepIn(storage, place);
  return places;
}

async function runRounds(race: Race): Promise<void> {
  const places = await prepare(race);
  const times: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const place of places) await expire(place);
    const before = providerGrants(stage.idpDatabase);
    const begun = performance.now();
    const results = await crew.round((index) => {
      const { home } = places[index % places.length] as LoginOptions;
      return { path: credentialPath(home), address: stage.facts.address, ca: stage.facts.ca, agent: agent.socket };
    });
    times.push(performance.now() - begun);
    expect({ round, results }).toEqual({ round, results: results.map(() => ({ account: 'alice', warnings: [] })) });
    expect({ round, renewals: providerGrants(stage.idpDatabase) - before }).toEqual({ round, renewals: 1 });
    for (const place of places) expectWholeFiles(place, race.storage);
  }
  tell(`${ROUNDS * PROCESSES} calls, ${ROUNDS} renewals, 0 lost logins; a round: ${spread(times)}`);
}

describe(`RT-02, RT-03, F-32, T-14: ${PROCESSES} processes at once with one login whose token has expired, ${ROUNDS} rounds`, () => {
  test.each<[string, Race]>([
    ['CF-04: kept in a file, one server', { servers: 1, storage: 'file', machines: 1 }],
    ['CF-04: kept in a file, two servers on one database', { servers: 2, storage: 'file', machines: 1 }],
    ['copies of it on four machines, two servers', { servers: 2, storage: 'file', machines: 4 }],
    ['CF-04: encrypted, its key in the agent, two servers', { servers: 2, storage: 'encrypted', machines: 1 }],
    ['on no disk, in the agent, two servers', { servers: 2, storage: 'none', machines: 1 }],
  ])(
    '%s: all succeed, one renewal at the identity provider each round',
    async (_name, race) => {
      await serve(race.servers);
      await runRounds(race);
      expect(await loginIn({ home: alice.home, facts: stage.facts, agent: agent.socket }).read()).toBeDefined();
      if (race.servers > 1) expect(balancer.connections().every((count) => count >= PROCESSES)).toBe(true);
    },
    20 * MINUTES,
  );
});

describe(`RT-02, F-32: ${PROCESSES} whole processes of the compiled CLI at once`, () => {
  const runCommands = () =>
    Promise.all(
      Array.from({ length: PROCESSES }, async () => {
        const env = { FEDCTL_TIMEOUT: '90', FLWR_HOME: alice.home, FEDCTL_AGENT_SOCK: agent.socket };
        const { code, stdout, stderr } = await startCli(['ls'], { cwd: alice.home, env }).ended;
        return { code, stdout, stderr };
      }),
    );

  test.each<[StorageKind, number]>([
    ['file', 2],
    ['encrypted', 1],
    ['none', 1],
  ])(
    'kept as %s: all succeed, one renewal each round',
    async (storage, rounds) => {
      await serve(2);
      const [place] = await prepare({ servers: 2, storage, machines: 1 });
      const times: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        await expire(place as LoginOptions);
        const before = providerGrants(stage.idpDatabase);
        const begun = performance.now();
        const results = await runCommands();
        times.push(performance.now() - begun);
        expect(results).toEqual(results.map(() => ({ code: 0, stdout: 'No runs.\n', stderr: '' })));
        expect(providerGrants(stage.idpDatabase) - before).toBe(1);
        expectWholeFiles(place as LoginOptions, storage);
      }
      tell(
        `${rounds * PROCESSES} processes, ${rounds} renewals, 0 lost logins; a round: ${times.map(seconds).join(', ')}`,
      );
    },
    20 * MINUTES,
  );
});
