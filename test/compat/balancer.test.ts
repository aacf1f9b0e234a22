import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Stage, setStage } from '../e2e/faults/stage.ts';
import { selfSigned } from '../support/certificates.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePort } from '../support/openfga.ts';
import { allTicks, invitePeople, type People, type Person, ticksIn } from '../support/people.ts';

const TEMPLATES = resolve(import.meta.dirname, '../../templates/deploy');
/** Of the balancer, which cuts silent streams; the run is silent for longer. */
const READ_TIMEOUT = '2s';
const SILENCE = 4;
/** What the balancer was told by its client, and whom it saw itself. */
const [FORGED, CLIENT] = ['198.51.100.66', '203.0.113.9'];

/** The templates of nginx in front of a whole stack: fedctl and the unmodified flwr work through them. */
describe('behind nginx', () => {
  let stage: Stage;
  const running: Nginx[] = [];
  const invited: People[] = [];

  beforeAll(async () => {
    stage = await setStage({
      engine: { nodes: 2 },
      changes: { server: { 'trusted-proxies': ['127.0.0.1'] }, limits: { keepalive: '1s' } },
    });
    await stage.serve();
  }, 120_000);

  afterAll(async () => {
    for (const people of invited) people.leave();
    await Promise.all(running.map((nginx) => nginx.stop()));
    await stage?.close();
  }, 60_000);

  function peopleAt(port: number, ca: string): Person {
    const people = invitePeople({ ...stage.facts, address: `localhost:${port}`, ca });
    invited.push(people);
    return people.person('alice');
  }

  async function terminated(): Promise<Person> {
    const folder = join(stage.folder, 'balancer');
    mkdirSync(folder);
    const own = await selfSigned();
    writeFileSync(join(folder, 'balancer.pem'), own.cert);
    writeFileSync(join(folder, 'balancer.key'), own.key, { mode: 0o600 });
    const port = await freePort();
    const site = readFileSync(join(TEMPLATES, 'nginx-balancer.conf'), 'utf8')
      .replace('127.0.0.1:9093', stage.facts.address)
      .replace('127.0.0.1:9094', new URL(stage.facts.https).host)
      .replace('listen 443 ', `listen 127.0.0.1:${port} `)
      .replaceAll('/etc/fedctl/ca.pem', stage.facts.ca)
      .replaceAll('/etc/fedctl/', `${folder}/`)
      // All of this test comes from one address.
      .replaceAll('$proxy_add_x_forwarded_for', `"${FORGED}, ${CLIENT}"`)
      .replaceAll('fedctl.example.com', 'localhost')
      .replace('grpc_read_timeout 60s', `grpc_read_timeout ${READ_TIMEOUT}`);
    running.push(await startNginx(site, port));
    return peopleAt(port, join(folder, 'balancer.pem'));
  }

  async function passedThrough(): Promise<Person> {
    const port = await freePort();
    const site = readFileSync(join(TEMPLATES, 'nginx-passthrough.conf'), 'utf8')
      .replace('127.0.0.1:9093', stage.facts.address)
      .replace('listen 443;', `listen 127.0.0.1:${port};`)
      // The block itself is written by the test's own configuration.
      .replace(/^stream \{$/m, '')
      .replace(/\}\s*$/, '');
    running.push(await startNginx(site, port, 'stream'));
    return peopleAt(port, stage.facts.ca);
  }

  test('that ends TLS: fedctl and flwr log in, run, list, and read a log that is silent for longer than nginx waits', async () => {
    const alice = await terminated();
    expect(await alice.login()).toMatchObject({ code: 0 });
    const id = await alice.tick({ ticks: 3, pause: SILENCE });
    const [followed, flower] = await Promise.all([
      alice.fedctl('log', id),
      alice.flwr.login().then(async (login) => ({ login, log: await alice.flwr.cli('log', id) })),
    ]);
    expect(followed).toMatchObject({ code: 0, stderr: expect.not.stringContaining('lost') });
    expect(ticksIn(followed.stdout)).toEqual(allTicks(3));
    expect(flower.login.code).toBe(0);
    expect(flower.log).toMatchObject({ code: 0 });
    expect(ticksIn(flower.log.stdout)).toEqual(allTicks(3));
    const listed = await alice.json<{ runs: { 'run-id': string }[] }>(['ls']);
    expect(listed.runs.map((run) => run['run-id'])).toContain(id);
    expect((await alice.flwr.cli('ls')).stdout).toContain(id);
    expect(await alice.fedctl('doctor')).toMatchObject({ code: 0 });
    expect(auditedAddresses(stage.database)).toContain(CLIENT);
    expect(auditedAddresses(stage.database)).not.toContain(FORGED);
    expect(running[0]?.errors()).not.toMatch(/upstream timed out|upstream sent too big header/);
  }, 120_000);

  test("that passes TLS through: the certificate is the control plane's own, and one port serves all", async () => {
    const alice = await passedThrough();
    expect(await alice.login()).toMatchObject({ code: 0 });
    const id = await alice.tick({ ticks: 2, pause: 0.1 });
    expect(ticksIn((await alice.fedctl('log', id)).stdout)).toEqual(allTicks(2));
    expect((await alice.flwr.login()).code).toBe(0);
    expect((await alice.flwr.cli('ls')).stdout).toContain(id);
    expect(await alice.fedctl('doctor')).toMatchObject({ code: 0 });
  }, 60_000);
});

function auditedAddresses(file: string): unknown[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database
      .prepare('select distinct address from audit')
      .all()
      .map(({ address }) => address);
  } finally {
    database.close();
  }
}
