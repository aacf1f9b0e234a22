import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bearer, openWire } from '../support/calls.ts';
import { invitePeople, type Person, TICKER } from '../support/people.ts';
import { until } from '../support/until.ts';
import { sharedStack } from './stack/shared.ts';

interface Grant {
  readonly who: string;
  readonly role: string;
  readonly object: string;
  readonly until: string | null;
  readonly tuple: string;
}

/** carol owns two runs; bob is let at one of them in every way there is. Each test ends with bob seeing nothing. */
describe('sharing', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [carol, bob, admin] = [people.person('carol'), people.person('bob'), people.person('admin')];
  const wire = openWire(stack);
  let shared = '';
  let other = '';

  beforeAll(async () => {
    await Promise.all([carol, bob, admin].map((person) => person.login()));
    shared = await carol.tick({ ticks: 10_000, pause: 0.5 });
    other = await carol.tick({ ticks: 10_000, pause: 0.5 });
    await until(async () => (await carol.fedctl('log', shared, '--show')).stdout.includes('tick 1 of'), 60_000);
  }, 120_000);

  afterAll(async () => {
    await Promise.all([carol.fedctl('stop', shared), carol.fedctl('stop', other)]);
    wire.close();
    people.leave();
  }, 30_000);

  test('a viewer sees that run and no other, reads its log, and may not stop it; admin sees who may what', async () => {
    expect(await runsOf(bob)).toEqual(expect.not.arrayContaining([shared, other]));
    const { grant } = await give('bob', 'viewer', '1h');
    const left = Date.parse(grant.until ?? '') - Date.now();
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_600_000);

    const seen = await runsOf(bob);
    expect(seen).toContain(shared);
    expect(seen).not.toContain(other);
    expect(await bob.fedctl('log', shared, '--show')).toMatchObject({ code: 0, stdout: has('tick 1 of') });
    expect(await bob.fedctl('stop', shared)).toMatchObject({ code: 4, stderr: has('can_stop') });
    expect(await bob.fedctl('log', other, '--show')).toMatchObject({ code: 5, stdout: '' });
    expect((await bob.fedctl('can', 'log', `run:${shared}`)).code).toBe(0);
    expect((await bob.fedctl('can', 'stop', `run:${shared}`)).code).toBe(4);
    expect((await bob.fedctl('can', 'log', `run:${other}`)).code).toBe(4);

    const { grants } = await admin.json<{ grants: Grant[] }>(['admin', 'grants', '--object', `run:${shared}`]);
    expect(grants).toEqual([grant]);
    expect(grant).toMatchObject({ who: 'bob', role: 'viewer', tuple: `user:dev|bob viewer run:${shared}` });
    expect(await admin.fedctl('admin', 'grants', '--who', 'bob', '--tuples')).toMatchObject({
      stdout: has(grant.tuple),
    });
    expect(await admin.json(['admin', 'whois', 'bob@example.test'])).toMatchObject({
      accounts: [{ account: 'bob', principal: 'user:dev|bob', issuer: stack.issuer, subject: 'bob' }],
    });
    expect((await bob.fedctl('admin', 'whois', 'carol')).code).toBe(4);
  }, 60_000);

  test('a right that is taken away is gone within a second, in lists and in a log under way', async () => {
    const reader = bob.start('log', shared);
    await reader.until('tick 1 of');
    await take('bob', 'viewer');
    const revoked = Date.now();
    expect(await lastSeen(bob, shared)).toBeLessThan(revoked + 1000);
    expect(await reader.ended).toMatchObject({ code: 5, stderr: has('no run with this id') });
    expect((await bob.fedctl('log', shared, '--show')).code).toBe(5);
  }, 30_000);

  test('a tuple written by hand in OpenFGA counts, and its removal too, within a second', async () => {
    const tuple = { user: 'user:dev|bob', relation: 'viewer', object: `run:${shared}` };
    await writeTuples({ writes: { tuple_keys: [tuple] } });
    const written = Date.now();
    await until(() => sees(bob, shared), 5_000);
    expect(Date.now()).toBeLessThan(written + 1500);
    await writeTuples({ deletes: { tuple_keys: [tuple] } });
    const removed = Date.now();
    expect(await lastSeen(bob, shared)).toBeLessThan(removed + 1000);
  }, 30_000);

  test('a right for a time ends by itself', async () => {
    const { grant } = await give('bob', 'viewer', '4s');
    expect(await sees(bob, shared)).toBe(true);
    const end = Date.parse(grant.until ?? '');
    const last = await lastSeen(bob, shared);
    expect(last).toBeGreaterThan(end - 1500);
    expect(last).toBeLessThan(end + 1500);
  }, 30_000);

  test('a group: its members see what it was granted, until they leave it', async () => {
    const group = `physics-${shared.slice(0, 6)}`;
    await admin.json(['admin', 'grant', `group:${group}`, 'viewer', `run:${shared}`]);
    expect(await sees(bob, shared)).toBe(false);
    await admin.json(['admin', 'grant', 'bob', 'member', `group:${group}`]);
    await until(() => sees(bob, shared), 5_000);
    expect(await runsOf(bob)).not.toContain(other);
    await admin.json(['admin', 'revoke', 'bob', 'member', `group:${group}`]);
    const left = Date.now();
    expect(await lastSeen(bob, shared)).toBeLessThan(left + 1000);
  }, 30_000);

  test('an owner shares by their own right; an operator may stop', async () => {
    expect((await bob.fedctl('admin', 'grant', 'bob', 'operator', `run:${other}`)).code).toBe(5);
    await carol.json(['admin', 'grant', 'bob', 'operator', `run:${other}`]);
    expect(await bob.json(['stop', other])).toMatchObject({ success: true, 'run-id': other });
    expect((await carol.fedctl('log', other)).code).toBe(11);
    await carol.json(['admin', 'revoke', 'bob', 'operator', `run:${other}`]);
  }, 60_000);

  test('a run that reached the engine past fedctl is stopped, and seen by admin alone', async () => {
    const id = await submitPastFedctl();
    const found = await until(async () => {
      const { runs } = await admin.json<{ runs: { 'run-id': string; status: string }[] }>(['ls']);
      return runs.find((run) => run['run-id'] === id && run.status === 'finished:stopped');
    }, 60_000);
    expect(found).toMatchObject({ owner: '', mine: false, 'status-details': expect.any(String) });
    for (const person of [carol, bob]) {
      expect(await runsOf(person)).not.toContain(id);
      expect((await person.fedctl('log', id, '--show')).code).toBe(5);
      expect((await person.fedctl('stop', id)).code).toBe(5);
    }
    expect((await admin.fedctl('ls', '--run-id', id)).stdout).toContain(id);
  }, 120_000);

  async function give(who: string, role: string, time: string): Promise<{ grant: Grant }> {
    return admin.json(['admin', 'grant', who, role, `run:${shared}`, '--for', time]);
  }

  async function take(who: string, role: string): Promise<void> {
    await admin.json(['admin', 'revoke', who, role, `run:${shared}`]);
  }

  async function sees(person: Person, id: string): Promise<boolean> {
    const metadata = bearer(person.tokens().access);
    const { code, messages } = await wire.call('/fedctl.v1.Runs/ListRuns', { request: Buffer.alloc(0), metadata });
    expect(code).toBe(0);
    return (messages as { runs: { runId: bigint }[] }[]).some(({ runs }) =>
      runs.some((run) => run.runId === BigInt(id)),
    );
  }

  /** When the last question was asked that still showed the run. Epoch ms. */
  async function lastSeen(person: Person, id: string): Promise<number> {
    let last = 0;
    await until(async () => {
      const asked = Date.now();
      if (!(await sees(person, id))) return true;
      last = asked;
      return false;
    }, 15_000);
    return last;
  }

  async function writeTuples(body: object): Promise<void> {
    const { url, store, model } = stack.openfga;
    const headers = { 'content-type': 'application/json' };
    const text = JSON.stringify({ authorization_model_id: model, ...body });
    const response = await fetch(`${url}/stores/${store}/write`, { method: 'POST', headers, body: text });
    expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
  }

  /** With flwr and the engine's own address, as nobody outside a development stack can. */
  async function submitPastFedctl(): Promise<string> {
    const { flwr, home } = people.person('alice');
    mkdirSync(home, { recursive: true });
    const engine = `[superlink.engine]\naddress = "${stack.engine?.address}"\ninsecure = true\n`;
    writeFileSync(join(home, 'config.toml'), engine);
    const { stdout } = await flwr.cli('run', TICKER, 'engine', '-c', 'ticks=10000', '--format', 'json');
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ success: true });
    return String(document['run-id']);
  }
});

const has = (text: string) => expect.stringContaining(text);

async function runsOf(person: Person): Promise<string[]> {
  const { runs } = await person.json<{ runs: { 'run-id': string }[] }>(['ls', '--limit', '200']);
  return runs.map((run) => run['run-id']);
}
