import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { invitePeople, TICKER } from '../support/people.ts';
import { newSshKey } from '../support/ssh-key.ts';
import { sharedStack } from './stack/shared.ts';

const has = (text: string) => expect.stringContaining(text);

interface Federation {
  readonly id: string;
  readonly description: string;
  readonly archived: boolean;
  readonly rights: string[];
  readonly default: boolean;
  readonly 'member-count': number;
}

interface Node {
  readonly 'node-id': string;
  readonly status: string;
  readonly name: string;
  readonly 'owner-name': string;
  readonly mine: boolean;
  readonly federations: string[];
  readonly 'public-key': string;
}

/** admin makes a federation and invites bob; carol stays outside. */
describe('federation and supernode', () => {
  const people = invitePeople(sharedStack());
  const [admin, bob, carol] = [people.person('admin'), people.person('bob'), people.person('carol')];
  const id = `@admin/hearts-${randomBytes(4).toString('hex')}`;
  const missing = id.replace('hearts', 'nothing');

  beforeAll(async () => {
    await Promise.all([admin, bob, carol].map((person) => person.login()));
  }, 120_000);

  afterAll(() => people.leave());

  const federationsOf = async (person: typeof admin, ...flags: string[]) =>
    (await person.json<{ federations: Federation[] }>(['federation', 'ls', ...flags])).federations;
  const nodesOf = async (person: typeof admin, ...flags: string[]) =>
    (await person.json<{ nodes: Node[] }>(['supernode', 'ls', ...flags])).nodes;

  test('create: only by an admin, and only once', async () => {
    expect(await bob.fedctl('federation', 'create', id)).toMatchObject({ code: 4 });
    expect(await admin.json(['federation', 'create', id, '--description', 'five sites'])).toMatchObject({
      success: true,
      'federation-id': id,
      federation: { id, description: 'five sites', archived: false, simulation: false },
    });
    expect(await admin.fedctl('federation', 'create', id)).toMatchObject({ code: 1, stderr: has('already') });
    expect(await admin.fedctl('federation', 'create', 'hearts')).toMatchObject({ code: 2, stderr: has('@owner/name') });
    expect(await federationsOf(admin)).toContainEqual(expect.objectContaining({ id, default: false }));
    expect((await federationsOf(bob)).map((one) => one.id)).not.toContain(id);
  }, 120_000);

  test('a federation that may not be seen is one that is not there', async () => {
    for (const one of [id, missing]) {
      const shown = await bob.fedctl('federation', 'show', one);
      expect(shown).toMatchObject({ code: 5, stdout: '', stderr: has('does not exist') });
      expect(shown.stderr.replaceAll(one, 'ID')).toBe(
        (await bob.fedctl('federation', 'show', missing)).stderr.replaceAll(missing, 'ID'),
      );
      expect((await bob.fedctl('federation', 'archive', one)).code).toBe(5);
      expect((await bob.fedctl('federation', 'invite', 'accept', one)).code).toBe(5);
    }
  }, 120_000);

  test('invite, accept: from then on bob runs there, and carol sees nothing of it', async () => {
    const run = ['run', TICKER, 'lab', '--federation', id, '-c', 'ticks=1 pause=0.01', '--stream'];
    expect((await bob.fedctl(...run)).code).toBe(5);
    await admin.json(['federation', 'invite', 'create', 'bob', id]);
    expect(await admin.fedctl('federation', 'invite', 'create', 'bob', id)).toMatchObject({ code: 1 });
    const { 'received-invitations': received } = await bob.json<{ 'received-invitations': object[] }>([
      ...['federation', 'invite', 'ls'],
    ]);
    expect(received).toContainEqual(
      expect.objectContaining({ 'federation-id': id, 'invited-by': 'admin', role: 'runner', status: 'pending' }),
    );
    expect((await bob.fedctl('federation', 'invite', 'ls')).stdout).toContain(id);
    expect((await carol.fedctl('federation', 'invite', 'accept', id)).code).toBe(5);
    expect(await bob.fedctl('federation', 'invite', 'accept', id)).toMatchObject({ code: 0, stdout: has(id) });
    expect(await bob.fedctl(...run)).toMatchObject({ code: 0, stdout: has('tick 1 of 1') });
    const { runs } = await bob.json<{ runs: { federation: string; status: string }[] }>(['ls', '--limit', '1']);
    expect(runs).toMatchObject([{ federation: id, status: 'finished:completed' }]);
    const { members } = await admin.json<{ members: object[] }>(['federation', 'show', id]);
    expect(members).toEqual([{ who: 'bob', role: 'runner', until: null }]);
    expect((await carol.fedctl('federation', 'show', id)).code).toBe(5);
  }, 120_000);

  test('invite: rejected and revoked ones are over', async () => {
    await admin.json(['federation', 'invite', 'create', 'carol', id, '--role', 'viewer']);
    await carol.json(['federation', 'invite', 'reject', id]);
    expect((await carol.fedctl('federation', 'invite', 'accept', id)).code).toBe(5);
    await admin.json(['federation', 'invite', 'create', 'carol', id]);
    await admin.json(['federation', 'invite', 'revoke', 'carol', id]);
    expect((await carol.fedctl('federation', 'invite', 'accept', id)).code).toBe(5);
    const { 'created-invitations': created } = await admin.json<{ 'created-invitations': { status: string }[] }>([
      ...['federation', 'invite', 'ls', '--all'],
    ]);
    const own = created.filter((one) => (one as { 'federation-id'?: string })['federation-id'] === id);
    expect(own.map(({ status }) => status).sort()).toEqual(['accepted', 'rejected', 'revoked']);
  }, 120_000);

  test('supernode: register, ls, add-supernode, unregister at the real SuperLink', async () => {
    const { line, pem, privatePem } = newSshKey('P-384');
    const [pub, key] = [join(admin.home, 'node.pub'), join(admin.home, 'node')];
    writeFileSync(pub, line);
    writeFileSync(key, privatePem);
    expect(await admin.fedctl('supernode', 'register', key)).toMatchObject({ code: 1, stderr: has('private key') });
    expect((await carol.fedctl('supernode', 'register', pub)).code).toBe(4);
    const flags = ['--federation', id, '--name', 'radiology', '--location', '48.137,11.575'];
    const { 'node-id': node } = await admin.json<{ 'node-id': string }>(['supernode', 'register', pub, ...flags]);
    expect(await admin.fedctl('supernode', 'register', pub)).toMatchObject({ code: 1, stderr: has('exists already') });
    expect((await nodesOf(admin)).find((one) => one['node-id'] === node)).toMatchObject({
      status: 'registered',
      name: 'radiology',
      location: '48.137,11.575',
      'owner-name': 'admin',
      mine: true,
      'public-key': pem,
    });
    const seen = (await nodesOf(bob, '--federation', id)).filter(({ status }) => status === 'online');
    expect(seen).toHaveLength(2);
    expect((await admin.fedctl('supernode', 'ls')).stdout).toContain('radiology');

    await admin.json(['federation', 'add-supernode', node, id]);
    expect(await admin.fedctl('federation', 'add-supernode', '12', id)).toMatchObject({ code: 5 });
    expect(await admin.fedctl('federation', 'remove-supernode', node, id)).toMatchObject({
      code: 1,
      stderr: has('serves all its federations with all its SuperNodes'),
    });

    expect((await carol.fedctl('supernode', 'unregister', node)).code).not.toBe(0);
    await admin.json(['supernode', 'unregister', node]);
    const left = (await nodesOf(admin)).map((one) => one['node-id']);
    expect(left).not.toContain(node);
    expect((await nodesOf(admin, '--all')).find((one) => one['node-id'] === node)?.status ?? 'gone').toMatch(
      /^(unregistered|gone)$/,
    );
    expect(await admin.fedctl('supernode', 'unregister', 'x')).toMatchObject({ code: 2 });
  }, 120_000);

  test('simulation-config: for federations that were made for it', async () => {
    expect(await admin.fedctl('federation', 'simulation-config', id)).toMatchObject({ code: 2 });
    expect(await admin.fedctl('federation', 'simulation-config', id, '--num-supernodes', '3')).toMatchObject({
      code: 1,
      stderr: has('not made for simulations'),
    });
    const simulated = `${id}-sim`;
    await admin.json(['federation', 'create', simulated, '--simulation']);
    const set = ['federation', 'simulation-config', simulated];
    await admin.json([...set, '--num-supernodes', '3', '--client-resources-num-gpus', '0.5']);
    expect(await admin.json([...set, '--num-supernodes', '4', '--simulation-verbose'])).toMatchObject({
      federation: {
        simulation: true,
        'simulation-config': { 'num-supernodes': 4, 'client-resources-num-gpus': 0.5, verbose: true },
      },
    });
    await admin.json(['federation', 'archive', simulated]);
  }, 120_000);

  test('leave, remove-member, archive: no more runs, and what was stays visible', async () => {
    expect(await admin.fedctl('federation', 'remove-member', id, 'carol')).toMatchObject({ code: 5 });
    await bob.json(['federation', 'leave', id]);
    expect((await bob.fedctl('federation', 'show', id)).code).toBe(5);
    await admin.json(['federation', 'invite', 'create', 'bob', id]);
    await bob.json(['federation', 'invite', 'accept', id]);
    await admin.json(['federation', 'remove-member', id, 'bob']);
    expect((await bob.fedctl('federation', 'show', id)).code).toBe(5);
    await admin.json(['federation', 'invite', 'create', 'bob', id]);
    await bob.json(['federation', 'invite', 'accept', id]);

    expect((await bob.fedctl('federation', 'archive', id)).code).toBe(4);
    expect(await admin.fedctl('federation', 'archive', id)).toMatchObject({ code: 0, stdout: has('Archived') });
    expect((await federationsOf(bob)).map((one) => one.id)).not.toContain(id);
    expect(await federationsOf(bob, '--all')).toContainEqual(expect.objectContaining({ id, archived: true }));
    expect(await bob.fedctl('run', TICKER, 'lab', '--federation', id)).toMatchObject({
      code: 1,
      stderr: has('archived'),
    });
    expect(await admin.fedctl('federation', 'archive', '@dev/default')).toMatchObject({
      code: 1,
      stderr: has('default'),
    });
  }, 120_000);
});
