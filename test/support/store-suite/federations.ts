import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Federation } from '../../../src/core/federations.ts';
import type { RunConfig } from '../../../src/core/runs.ts';
import { makeFederation, NOW } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

const CONFIG: RunConfig = {
  'num-supernodes': 2n ** 63n,
  'a.float': 0.1,
  minus: -0,
  tiny: Number.MIN_VALUE,
  never: Number.NaN,
  whole: 3,
  flag: false,
  text: 'quoted "text" and \u2603',
  bytes: Buffer.from([0, 255]),
};

export function describeFederations(context: () => StoreContext): void {
  test('a federation comes back as it was stored, whatever its configuration holds', async () => {
    const { store, replica } = context();
    const federation = makeFederation({ simulation: true, simulationConfig: CONFIG, archivedAt: NOW + 1 });
    expect(await store.insertFederation(federation)).toBe(true);
    const found = await one(replica, federation.id);
    expect(found).toEqual({ ...federation, simulationConfig: expect.anything() });
    const { bytes, ...others } = found?.simulationConfig ?? {};
    expect(Buffer.from(bytes as Uint8Array)).toEqual(CONFIG.bytes);
    const { bytes: _, ...expected } = CONFIG;
    expect({ ...others }).toEqual(expected);
    expect(Object.is(others.minus, -0)).toBe(true);
  });

  test('an id is taken once, by one server, and what stands is not changed', async () => {
    const { store, replica } = context();
    const rows = Array.from({ length: 8 }, (_, index) => makeFederation({ id: '@once/only', description: `${index}` }));
    const made = await Promise.all(rows.map((row, index) => (index % 2 ? store : replica).insertFederation(row)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect((await one(store, '@once/only'))?.description).toBe(rows[made.indexOf(true)]?.description);
    await store.updateFederation('@once/only', { archivedAt: NOW });
    expect(await replica.insertFederation(makeFederation({ id: '@once/only' }))).toBe(false);
  });

  test('they are listed by id, archived ones too', async () => {
    const { store } = context();
    const name = randomUUID();
    for (const id of [`@${name}/c`, `@${name}/a`, `@${name}/b`]) await store.insertFederation(makeFederation({ id }));
    await store.updateFederation(`@${name}/a`, { archivedAt: NOW });
    const ids = (await store.federations()).map(({ id }) => id).filter((id) => id.startsWith(`@${name}/`));
    expect(ids).toEqual([`@${name}/a`, `@${name}/b`, `@${name}/c`]);
  });

  test('a change touches what it names; the first archiving stands; unknown ones stay unknown', async () => {
    const { store } = context();
    const federation = makeFederation({ simulation: true });
    await store.insertFederation(federation);
    expect(await store.updateFederation(federation.id, {})).toEqual(federation);
    expect(await store.updateFederation(federation.id, { engine: 'other' })).toEqual({
      ...federation,
      engine: 'other',
    });
    const config = { 'num-supernodes': 5n };
    const changed = await store.updateFederation(federation.id, { simulationConfig: config, archivedAt: NOW + 5 });
    expect(changed).toEqual({ ...federation, engine: 'other', simulationConfig: config, archivedAt: NOW + 5 });
    const again = await store.updateFederation(federation.id, { archivedAt: NOW + 9, engine: 'third' });
    expect(again).toMatchObject({ archivedAt: NOW + 5, engine: 'third' });
    expect(await store.updateFederation('@no/body', { engine: 'x' })).toBeUndefined();
    expect(await one(store, '@no/body')).toBeUndefined();
  });
}

async function one(store: StoreContext['store'], id: string): Promise<Federation | undefined> {
  return (await store.federations()).find((federation) => federation.id === id);
}
