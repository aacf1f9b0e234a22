import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { NodeId } from '../../../src/core/nodes.ts';
import { createNodes } from '../../../src/server/nodes/index.ts';
import { AWAY, aNode, createFakeEngine } from '../../support/engine-fake.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { DEFAULT, type Lab, openLab, type Plane } from '../federations/fixture.ts';

const engines = { main: createFakeEngine(), second: createFakeEngine() };

let fga: TestOpenFga;
let lab: Lab;
let plane: Plane;
/** On engine `main`, and on `second`. */
let ward: string;
let other: string;

beforeAll(async () => {
  fga = await startOpenFga();
  lab = await openLab(fga);
  plane = await lab.another(() => ({
    nodes: createNodes({
      engines: new Map(Object.entries(engines)),
      store: lab.store,
      clock: systemClock,
      log: silentLogger,
      deadlineMs: 300,
    }),
  }));
}, 60_000);
afterAll(async () => {
  await lab?.close();
  await fga?.close();
});
beforeEach(async () => {
  [ward, other] = [`@lab/${randomUUID()}`, `@lab/${randomUUID()}`];
  await plane.create(ward);
  await plane.create(other, { engine: 'second' });
  for (const engine of Object.values(engines)) {
    engine.nodes.clear();
    engine.faults.away = undefined;
    engine.faults.beforeNodes = undefined;
  }
});

const newKey = () =>
  Buffer.from(
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ type: 'spki', format: 'pem' }),
  );
const register = (who: string, federation: string, fields: object = {}) =>
  plane.call(who, 'nodes.register', { federation, publicKey: newKey(), name: '', location: '', ...fields });
const listed = async (who: string, federation = '') =>
  (await plane.call(who, 'nodes.list', { federation })).nodes.map(({ node }) => node.id);
const unregister = (who: string, nodeId: NodeId) => plane.call(who, 'nodes.unregister', { nodeId });
const refused = async (who: string, nodeId: NodeId) => {
  const { error, row } = await plane.refused(who, 'nodes.unregister', { nodeId });
  const { code, reason, message, hint } = error;
  return { code, reason, message, hint, row: { ...row, requestId: '', at: 0, object: '' } };
};
/** Somebody new with a role on a federation. */
const somebody = async (role: string, federation: string) => {
  const name = `${role}-${randomUUID()}`;
  await plane.grant(name, role, `federation:${federation}`);
  return name;
};

describe('registering', () => {
  test('is for operators of the federation; the engine gets the key, our row what it does not keep', async () => {
    const operator = await somebody('operator', ward);
    const publicKey = newKey();
    const { nodeId } = await register(operator, ward, { publicKey, name: 'Ward 7', location: '48.137, 11.575' });
    expect(plane.audit.at(-1)).toMatchObject({
      action: 'nodes.register',
      object: `federation:${ward}`,
      decision: 'allow',
    });
    expect(Buffer.from(engines.main.nodes.get(nodeId)?.publicKey ?? '').equals(publicKey)).toBe(true);
    const { nodes } = await plane.call(operator, 'nodes.list', { federation: ward });
    expect(nodes).toEqual([
      {
        node: engines.main.nodes.get(nodeId),
        engine: 'main',
        federations: [ward],
        ownerHandle: operator,
        ownerAccountId: expect.any(String),
        mine: true,
        name: 'Ward 7',
        location: '48.137,11.575',
      },
    ]);
    const runner = await somebody('runner', ward);
    expect(
      (await plane.refused(runner, 'nodes.register', { federation: ward, publicKey, name: '', location: '' })).error,
    ).toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'NOT_PERMITTED',
    });
  });

  test('a key stands once; keys, names and places are checked before the engine is asked', async () => {
    const operator = await somebody('operator', ward);
    const publicKey = newKey();
    await register(operator, ward, { publicKey });
    const reasonOf = async (fields: object) =>
      (
        await plane.refused(operator, 'nodes.register', {
          federation: ward,
          publicKey,
          name: '',
          location: '',
          ...fields,
        })
      ).error.reason;
    expect(await reasonOf({})).toBe('NODE_KEY_TAKEN');
    expect(await reasonOf({ publicKey: Buffer.from('no key') })).toBe('NODE_KEY_INVALID');
    expect(await reasonOf({ publicKey: newKey(), name: 'a\nb' })).toBe('NODE_NAME_INVALID');
    expect(await reasonOf({ publicKey: newKey(), location: 'here' })).toBe('NODE_LOCATION_INVALID');
    expect(engines.main.nodes.size).toBe(1);
  });

  test('not on an archived federation, nor on one that is not there', async () => {
    const operator = await somebody('admin', ward);
    await plane.call(operator, 'federations.archive', { federation: ward });
    await expect(register(operator, ward)).rejects.toMatchObject({ reason: 'FEDERATION_ARCHIVED' });
    await expect(register(operator, '@lab/nowhere')).rejects.toMatchObject({ reason: 'FEDERATION_NOT_FOUND' });
  });

  test('a SuperNode that could not be noted is taken back', async () => {
    const store = { ...lab.store, insertNode: () => Promise.reject(AWAY) };
    const nodes = createNodes({
      engines: new Map([['main', engines.main]]),
      store,
      clock: systemClock,
      log: silentLogger,
    });
    const row = { engine: 'main', federation: ward, ownerAccountId: 'a', owner: 'user:x|a', ownerHandle: 'a' };
    const whole = { ...row, name: '', location: '', registeredAt: 0 };
    await expect(nodes.register(whole, newKey())).rejects.toBe(AWAY);
    expect(engines.main.nodes.size).toBe(0);
  });
});

describe('listing', () => {
  test('shows the SuperNodes of the engines whose federations the caller may list', async () => {
    const [mine, theirs] = [await somebody('operator', ward), await somebody('operator', other)];
    const { nodeId: here } = await register(mine, ward);
    const { nodeId: there } = await register(theirs, other);
    expect([await listed(mine), await listed(theirs)]).toEqual([[here], [there]]);
    expect(await listed('root')).toEqual([here, there]);
    expect(await listed('root', other)).toEqual([there]);
    expect(await listed('nobody')).toEqual([]);
    for (const federation of [other, '@lab/nowhere', '@lab/@']) {
      const { error } = await plane.refused(mine, 'nodes.list', { federation });
      expect(error.reason).toBe(federation === '@lab/@' ? 'FEDERATION_ID_INVALID' : 'FEDERATION_NOT_FOUND');
    }
  });

  test('an engine serves all its federations; whose a SuperNode is stays within its own', async () => {
    const neighbour = `@lab/${randomUUID()}`;
    await plane.create(neighbour);
    const [operator, guest] = [await somebody('operator', ward), await somebody('runner', neighbour)];
    const { nodeId } = await register(operator, ward, { name: 'Ward 7' });
    const { nodes } = await plane.call(guest, 'nodes.list', { federation: '' });
    expect(nodes).toEqual([
      expect.objectContaining({
        node: expect.objectContaining({ id: nodeId }),
        federations: [neighbour],
        ownerHandle: '',
        ownerAccountId: '',
        mine: false,
        name: 'Ward 7',
      }),
    ]);
    await plane.call('root', 'federations.archive', { federation: neighbour });
    expect(await listed(guest)).toEqual([]);
  });

  test('an engine that is away, or slow, fails the call: a shorter list would lie; other engines answer', async () => {
    const [here, there] = [await somebody('viewer', ward), await somebody('viewer', other)];
    engines.second.faults.away = AWAY;
    expect(await listed(here)).toEqual([]);
    await expect(listed(there)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: AWAY.message });
    await expect(listed('root')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    engines.second.faults.away = undefined;
    engines.second.faults.beforeNodes = () => new Promise(() => {});
    await expect(listed(there)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'ENGINE_UNAVAILABLE',
      message: 'The engine "second" does not answer.',
    });
    expect(await listed(here)).toEqual([]);
  });
});

describe('unregistering', () => {
  test('whoever registered it, operators of its federation, system admins', async () => {
    const operator = await somebody('operator', ward);
    for (const who of [operator, await somebody('operator', ward), await somebody('admin', ward), 'root']) {
      const { nodeId } = await register(operator, ward);
      await unregister(who, nodeId);
      expect(plane.audit.at(-1)).toMatchObject({
        action: 'nodes.unregister',
        object: `supernode:main%2F${nodeId}`,
        right: 'can_manage_nodes',
        decision: 'allow',
      });
      expect(engines.main.nodes.has(nodeId)).toBe(false);
      expect((await lab.store.nodeById(nodeId))?.unregisteredAt).toBeGreaterThan(0);
    }
    const { nodeId } = await register(operator, ward);
    await lab.access.grants.revoke({
      principal: `user:example|${operator}`,
      role: 'operator',
      object: `federation:${ward}`,
    });
    // Of its own SuperNode it stays the owner.
    await unregister(operator, nodeId);
  });

  test('who sees it and may not is told so', async () => {
    const { nodeId } = await register(await somebody('operator', ward), ward);
    const neighbour = `@lab/${randomUUID()}`;
    await plane.create(neighbour);
    for (const who of [
      await somebody('runner', ward),
      await somebody('viewer', ward),
      await somebody('admin', neighbour),
    ]) {
      expect(await refused(who, nodeId)).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_PERMITTED' });
    }
    expect(engines.main.nodes.has(nodeId)).toBe(true);
  });

  test('T-35: for who may not see it, it does not exist', async () => {
    const { nodeId } = await register(await somebody('operator', ward), ward);
    engines.main.nodes.set(5n, aNode({ id: 5n }));
    for (const who of ['nobody', await somebody('admin', other)]) {
      const unknown = await refused(who, 4n);
      expect(unknown).toMatchObject({ code: 'NOT_FOUND', reason: 'NODE_NOT_FOUND', row: { decision: 'deny' } });
      expect(await refused(who, nodeId)).toEqual(unknown);
      expect(await refused(who, 5n)).toEqual(unknown);
    }
    expect((await refused('root', 4n)).reason).toBe('NODE_NOT_FOUND');
  });

  test('one without a row, as a crash leaves it, is the system admins’', async () => {
    engines.main.nodes.set(5n, aNode({ id: 5n }));
    expect(await refused(await somebody('admin', ward), 5n)).toMatchObject({ reason: 'NOT_PERMITTED' });
    expect(await refused(await somebody('admin', DEFAULT), 5n)).toMatchObject({ reason: 'NOT_PERMITTED' });
    await unregister('root', 5n);
    expect(engines.main.nodes.size).toBe(0);
  });

  test('an engine that is away says nothing about another’s SuperNodes', async () => {
    const operator = await somebody('operator', ward);
    const { nodeId } = await register(operator, ward);
    engines.second.faults.away = AWAY;
    await unregister(operator, nodeId);
    await expect(unregister(operator, nodeId)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('T-35: while an engine is away, a foreign one and an unknown one can not be told apart, nor added', async () => {
    const { nodeId } = await register(await somebody('operator', ward), ward);
    const stranger = await somebody('admin', other);
    const add = async (id: NodeId) => {
      const { error } = await plane.refused(stranger, 'federations.add-node', { federation: other, nodeId: id });
      return { code: error.code, reason: error.reason, message: error.message, hint: error.hint };
    };
    engines.second.faults.away = AWAY;
    const unknown = await refused(stranger, 4n);
    expect(unknown).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await refused(stranger, nodeId)).toEqual(unknown);
    expect(await add(nodeId)).toEqual(await add(4n));
    expect(engines.main.nodes.has(nodeId)).toBe(true);
  });
});
