import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { storeRun } from '../../support/store-rows.ts';
import { until } from '../access/fixture.ts';
import { DEFAULT, type Lab, openLab } from './fixture.ts';

let fga: TestOpenFga;
let lab: Lab;

beforeAll(async () => {
  fga = await startOpenFga();
  lab = await openLab(fga);
}, 60_000);
afterAll(async () => {
  await lab?.close();
  await fga?.close();
});

const newId = () => `@lab/${randomUUID()}`;
const START = { requestId: 'r', bundle: new Uint8Array(), bundleSha256: '', runConfig: {}, federationConfig: {} };

describe('making federations', () => {
  test('is for system admins; who makes one gets no role on it', async () => {
    const id = newId();
    const input = { federation: id, description: ' A\u001b[31m lab ', simulation: false, engine: 'second' };
    const { error } = await lab.refused('ann', 'federations.create', input);
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED' });
    const seen = await lab.call('root', 'federations.create', input);
    expect(seen).toMatchObject({ memberCount: 0, isDefault: false, rights: expect.arrayContaining(['can_admin']) });
    const description = 'A [31m lab';
    expect(seen.federation).toMatchObject({ id, description, engine: 'second', archivedAt: undefined });
    expect(lab.audit.at(-1)).toMatchObject({ object: `federation:${id}`, right: 'can_admin', decision: 'allow' });
    expect(await lab.roles('root', id)).toEqual([]);
  });

  test("a name alone, as flwr sends it, is one of the caller's own, for the audit row too", async () => {
    const name = randomUUID();
    const input = { federation: name, description: '', simulation: false, engine: '' };
    const seen = await lab.call('root', 'federations.create', input);
    expect(seen.federation.id).toBe(`@root/${name}`);
    expect(lab.audit.at(-1)).toMatchObject({ object: `federation:@root/${name}`, decision: 'allow' });
  });

  test('a name is taken once; names and engines are checked', async () => {
    const id = newId();
    await lab.create(id);
    expect((await lab.services.federations.find(id))?.engine).toBe('main');
    const create = async (fields: object) => {
      const input = { federation: newId(), description: '', simulation: false, engine: '', ...fields };
      return (await lab.refused('root', 'federations.create', input)).error.reason;
    };
    expect(await create({ federation: id })).toBe('FEDERATION_EXISTS');
    expect(await create({ federation: 'lab/x' })).toBe('FEDERATION_ID_INVALID');
    expect(await create({ federation: '' })).toBe('FEDERATION_ID_INVALID');
    expect(await create({ engine: 'third' })).toBe('ENGINE_UNKNOWN');
  });
});

describe('seeing federations', () => {
  test('a list holds those that may be listed, with rights and members', async () => {
    const [mine, viewed, foreign] = [newId(), newId(), newId()];
    for (const id of [mine, viewed, foreign]) await lab.create(id);
    await lab.grant('bea', 'runner', `federation:${mine}`);
    await lab.grant('cid', 'operator', `federation:${mine}`);
    await lab.grant('bea', 'viewer', `federation:${viewed}`);
    await lab.grant('cid', 'admin', `federation:${viewed}`);
    const { federations } = await lab.call('bea', 'federations.list', {});
    const [one, other] = [mine, viewed].map((id) => federations.find(({ federation }) => federation.id === id));
    expect(federations).toHaveLength(2);
    expect(one).toMatchObject({ rights: ['can_run', 'can_list'], memberCount: 1, isDefault: false });
    expect(other).toMatchObject({ rights: ['can_list', 'can_view', 'can_log'], memberCount: 2 });
    const all = await lab.call('root', 'federations.list', {});
    expect(all.federations.map(({ federation }) => federation.id)).toEqual(
      expect.arrayContaining([DEFAULT, mine, viewed, foreign]),
    );
    expect(all.federations.find(({ isDefault }) => isDefault)?.federation.id).toBe(DEFAULT);
    expect((await lab.call('nobody', 'federations.list', {})).federations).toEqual([]);
  });

  test('members, each with the highest role, are for those who may view; others see themselves', async () => {
    const id = newId();
    const end = Math.ceil(Date.now() / 1000) * 1000 + 600_000;
    await lab.create(id);
    for (const role of ['viewer', 'admin', 'runner']) await lab.grant('dan', role, `federation:${id}`);
    await lab.grant('eve', 'runner', `federation:${id}`, end);
    const object = `federation:${id}`;
    await lab.access.grants.grant({ principal: 'group:local|ward#member', role: 'viewer', object, until: undefined });
    const dan = await lab.store.findAccounts({ text: 'dan' });
    const shown = await lab.call('dan', 'federations.show', { federation: id });
    expect(shown.seen.memberCount).toBe(3);
    expect(shown.members).toEqual([
      { who: 'dan', accountId: dan[0]?.id, role: 'admin', until: undefined },
      { who: 'eve', accountId: expect.any(String), role: 'runner', until: end },
      { who: 'group:ward', accountId: '', role: 'viewer', until: undefined },
    ]);
    const own = await lab.call('eve', 'federations.show', { federation: id });
    expect(own.members.map(({ who }) => who)).toEqual(['eve']);
    expect(own.nodes.map(({ node }) => node.id)).toEqual([11n]);
  });

  test('runs are those of the federation that the caller may see', async () => {
    const id = newId();
    await lab.create(id);
    await lab.grant('fay', 'runner', `federation:${id}`);
    await lab.grant('gus', 'viewer', `federation:${id}`);
    const [fay] = await lab.store.findAccounts({ text: 'fay' });
    const mine = { federation: id, ownerAccountId: fay?.id ?? '', owner: 'user:example|fay' };
    const own = await storeRun(lab.store, mine);
    const foreign = await storeRun(lab.store, { federation: id });
    await storeRun(lab.store, { ...mine, federation: DEFAULT });
    const runs = async (who: string) =>
      (await lab.call(who, 'federations.show', { federation: id })).runs.map(({ run }) => run.key).sort();
    expect(await runs('fay')).toEqual([own.key]);
    expect(await runs('gus')).toEqual([own.key, foreign.key].sort());
  });

  test('another process shows a new federation within a second, and this one at once', async () => {
    const other = await lab.another();
    await other.call('root', 'federations.list', {});
    const id = newId();
    await lab.create(id);
    expect((await lab.services.federations.all()).map((one) => one.id)).toContain(id);
    expect(await other.services.federations.find(id)).toMatchObject({ id });
    await lab.call('root', 'federations.archive', { federation: id });
    const took = await until(async () => (await other.services.federations.find(id))?.archivedAt !== undefined, 5_000);
    expect(took).toBeLessThan(1_500);
    const { error } = await other.refused('root', 'runs.start', { ...START, federation: id });
    expect(error.reason).toBe('FEDERATION_ARCHIVED');
  });
});

describe('archiving', () => {
  test('takes no runs any more, revokes invitations, and hides nothing', async () => {
    const id = newId();
    await lab.create(id);
    await lab.grant('hal', 'admin', `federation:${id}`);
    await lab.call('ida', 'session.whoami', {}).catch(() => undefined);
    await lab.call('hal', 'invitations.create', { federation: id, invitee: 'ida', role: '' });
    expect((await lab.refused('hal', 'runs.start', { ...START, federation: id })).error.reason).toBe('REACHED');
    await lab.call('hal', 'federations.archive', { federation: id });
    await lab.call('hal', 'federations.archive', { federation: id });
    const reason = async (...[who, method, input]: Parameters<Lab['refused']>) =>
      (await lab.refused(who, method, input)).error.reason;
    expect(await reason('hal', 'runs.start', { ...START, federation: id })).toBe('FEDERATION_ARCHIVED');
    expect(await reason('hal', 'invitations.create', { federation: id, invitee: 'ida', role: '' })).toBe(
      'FEDERATION_ARCHIVED',
    );
    expect(await reason('ida', 'invitations.accept', { federation: id })).toBe('INVITATION_NOT_FOUND');
    expect(
      await reason('root', 'federations.create', { federation: id, description: '', simulation: false, engine: '' }),
    ).toBe('FEDERATION_EXISTS');
    const { received } = await lab.call('ida', 'invitations.list', {});
    expect(received).toMatchObject([{ invitation: { federation: id, status: 'revoked' } }]);
    const { seen, nodes } = await lab.call('hal', 'federations.show', { federation: id });
    expect(seen.federation.archivedAt).toEqual(expect.any(Number));
    expect(nodes).toEqual([]);
    expect((await lab.call('hal', 'federations.list', {})).federations).toHaveLength(1);
  });

  test('is not for the default federation', async () => {
    expect((await lab.refused('root', 'federations.archive', { federation: '' })).error).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'FEDERATION_IS_DEFAULT',
    });
  });
});

describe('nodes of a federation', () => {
  test('are those of its engine: nothing is added, nothing is taken', async () => {
    const id = newId();
    await lab.create(id);
    await lab.grant('jon', 'operator', `federation:${id}`);
    expect(await lab.call('jon', 'federations.add-node', { federation: id, nodeId: 11n })).toEqual({});
    const reason = async (method: 'federations.add-node' | 'federations.remove-node', nodeId: bigint) => {
      const { error } = await lab.refused('jon', method, { federation: id, nodeId });
      return [error.code, error.reason, error.message];
    };
    const unknown = await reason('federations.add-node', 33n);
    expect(unknown).toMatchObject(['NOT_FOUND', 'NODE_NOT_FOUND', expect.any(String)]);
    // Of an engine of which jon sees no federation.
    expect(await reason('federations.add-node', 22n)).toEqual(unknown);
    const beside = newId();
    await lab.create(beside, { engine: 'second' });
    await lab.grant('jon', 'viewer', `federation:${beside}`);
    expect(await reason('federations.add-node', 22n)).toMatchObject([
      'FAILED_PRECONDITION',
      'NODE_ON_OTHER_ENGINE',
      expect.any(String),
    ]);
    expect(await reason('federations.remove-node', 11n)).toMatchObject([
      'FAILED_PRECONDITION',
      'NODE_SERVES_ALL',
      expect.any(String),
    ]);
  });
});

describe('simulation settings', () => {
  test('are merged, checked, and go under those of a run', async () => {
    const id = newId();
    await lab.create(id, { simulation: true });
    await lab.grant('kai', 'admin', `federation:${id}`);
    const configure = (config: Record<string, bigint | number | string | boolean>) => ({ federation: id, config });
    await lab.call('kai', 'federations.configure-simulation', configure({ num_supernodes: 4n, verbose: true }));
    const { federation } = await lab.call(
      'kai',
      'federations.configure-simulation',
      configure({ 'num-supernodes': 9n }),
    );
    expect({ ...federation.simulationConfig }).toEqual({ 'num-supernodes': 9n, verbose: true });
    for (const wrong of [
      { 'num-nodes': 1n },
      { 'num-supernodes': 1 },
      { 'num-supernodes': -1n },
      { verbose: 'yes' },
      {},
    ]) {
      const { error } = await lab.refused('kai', 'federations.configure-simulation', configure(wrong));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'FEDERATION_CONFIG_INVALID' });
    }
    const submitted: unknown[] = [];
    const plane = await lab.another(() => ({
      runs: {
        verifyBundle: async () => ({}),
        submit: async (...[, , request]: unknown[]) => {
          submitted.push(request);
          throw new Error('enough');
        },
      } as never,
    }));
    const own = { ...START, federationConfig: { verbose: false } };
    await plane.refused('kai', 'runs.start', { ...own, federation: id });
    await plane.refused('root', 'runs.start', { ...own, federation: '' });
    expect(submitted).toMatchObject([
      { federation: id, federationConfig: { 'num-supernodes': 9n, verbose: false } },
      { federation: DEFAULT, federationConfig: { verbose: false } },
    ]);
  });

  test('are for federations that were made for them', async () => {
    const input = { federation: '', config: { verbose: true } };
    const { error } = await lab.refused('root', 'federations.configure-simulation', input);
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'FEDERATION_NOT_SIMULATION' });
  });
});
