import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { invitePeople, type Person } from '../support/people.ts';
import { until } from '../support/until.ts';
import { unzip } from '../support/unzip.ts';
import { sharedStack } from './stack/shared.ts';

const NOWHERE = { status: 404, body: '{"error":"not_found"}\n' };

/** alice owns a run that has left files behind; bob is let at it and put out again; carol is nobody to it. */
describe('pull', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [alice, bob, carol] = [people.person('alice'), people.person('bob'), people.person('carol')];
  const dispatcher = new Agent({ connect: { ca: readFileSync(stack.ca) } });
  const links: string[] = [];
  let run = '';

  beforeAll(async () => {
    await Promise.all([alice, bob, carol].map((person) => person.login()));
    run = await alice.tick({ ticks: 1, pause: 0 });
    await until(async () => (await statusOf(alice, run)).startsWith('finished'), 120_000);
  }, 180_000);

  afterAll(async () => {
    await dispatcher.close();
    people.leave();
  });

  const folder = () => join(stack.state, 'artifacts', run);
  async function link(person: Person): Promise<string> {
    const { url } = await person.json<{ url: string }>(['pull', run]);
    links.push(url);
    return url;
  }
  async function get(url: string) {
    const { statusCode, body } = await request(url, { dispatcher });
    return { status: statusCode, body: await body.text() };
  }
  /** The first refusal, and how long after `since` it came. */
  async function goneAfter(url: string, since: number): Promise<number> {
    await until(async () => (await get(url)).status === 404, 5000);
    return performance.now() - since;
  }

  test('nothing to pull: no files yet, a run that goes on, a run that nobody may see', async () => {
    expect(await alice.fedctl('pull', run)).toMatchObject({ code: 5, stderr: has('has left no files behind') });
    const going = await alice.tick({ ticks: 10_000, pause: 0.5 });
    expect(await alice.fedctl('pull', going)).toMatchObject({ code: 1, stderr: has('unfinished run') });
    await alice.fedctl('stop', going);
    const unknown = `${run.slice(0, -1)}${(Number(run.at(-1)) + 1) % 10}`;
    const [foreign, none] = [await carol.fedctl('pull', run), await carol.fedctl('pull', unknown)];
    expect(foreign.code).toBe(5);
    expect(foreign.stderr.replaceAll(run, unknown)).toBe(none.stderr);
  }, 120_000);

  test('the files that a run left behind arrive as a zip, whole', async () => {
    mkdirSync(join(folder(), 'rounds'), { recursive: true });
    writeFileSync(join(folder(), 'model.npz'), Buffer.alloc(3_000_000, 'weights'));
    writeFileSync(join(folder(), 'rounds', '1.json'), '{"loss":0.4}');
    const pulled = await alice.json<{ path: string; size: number }>(['pull', run, '--output', 'results.zip']);
    const files = await unzip(readFileSync(join(alice.home, 'results.zip')));
    expect([...files.keys()]).toEqual([`${run}/model.npz`, `${run}/rounds/1.json`]);
    expect(files.get(`${run}/rounds/1.json`)?.toString()).toBe('{"loss":0.4}');
    expect(files.get(`${run}/model.npz`)?.equals(Buffer.alloc(3_000_000, 'weights'))).toBe(true);
    expect(pulled.size).toBe(readFileSync(join(alice.home, 'results.zip')).length);
  }, 60_000);

  test('flwr gets the same link', async () => {
    await alice.flwr.login();
    const url = /https:\/\/\S+/.exec((await alice.flwr.cli('pull', run)).stdout.replace(/\n/g, ''))?.[0] ?? '';
    links.push(url);
    expect((await get(url)).status).toBe(200);
  }, 60_000);

  test('AT-17: a link ends with the right of who got it, within a second; the owner’s goes on', async () => {
    await alice.fedctl('admin', 'grant', 'bob', 'operator', `run:${run}`);
    const [theirs, own] = [await link(bob), await link(alice)];
    expect((await get(theirs)).status).toBe(200);
    await alice.fedctl('admin', 'revoke', 'bob', 'operator', `run:${run}`);
    expect(await goneAfter(theirs, performance.now())).toBeLessThan(1000);
    expect(await get(theirs)).toEqual(NOWHERE);
    expect((await get(own)).status).toBe(200);
    expect((await bob.fedctl('pull', run)).code).toBe(5);
  }, 60_000);

  test('AT-17: a link ends with the session of who got it, within a second', async () => {
    const url = await link(alice);
    expect((await get(url)).status).toBe(200);
    await alice.fedctl('logout');
    expect(await goneAfter(url, performance.now())).toBeLessThan(1500);
    await alice.login();
    // Another session of the same account does not revive it.
    expect(await get(url)).toEqual(NOWHERE);
    expect((await get(await link(alice))).status).toBe(200);
  }, 60_000);

  test('AU-01: each use of a link stands in the audit trail, the link itself nowhere', async () => {
    const database = new DatabaseSync(join(stack.state, 'server/fedctl.db'), { readOnly: true });
    const rows = database
      .prepare("SELECT * FROM audit WHERE action = 'artifacts.download' AND object = ?")
      .all(`run:${run}`);
    const all = JSON.stringify(database.prepare('SELECT * FROM audit').all());
    database.close();
    const of = (principal: string, decision: string) =>
      rows.filter((row) => row.principal === principal && row.decision === decision).length;
    expect(of('user:dev|alice', 'allow')).toBeGreaterThan(3);
    expect(of('user:dev|bob', 'allow')).toBeGreaterThan(0);
    expect(of('user:dev|bob', 'deny')).toBeGreaterThan(0);
    expect(new Set(rows.map(({ reason }) => reason))).toEqual(new Set(['', 'NOT_PERMITTED', 'SESSION_ENDED']));
    const logs = readdirSync(join(stack.state, 'logs')).map((name) =>
      readFileSync(join(stack.state, 'logs', name), 'utf8'),
    );
    expect(links.length).toBeGreaterThan(4);
    for (const url of links) {
      const token = url.slice(url.lastIndexOf('/') + 1);
      expect(all + logs.join()).not.toContain(token.slice(-60));
    }
  });
});

function has(text: string) {
  return expect.stringContaining(text);
}

async function statusOf(person: Person, run: string): Promise<string> {
  const { runs } = await person.json<{ runs: { 'run-id': string; status: string }[] }>(['ls']);
  return runs.find((one) => one['run-id'] === run)?.status ?? '';
}
