import { expect, test } from '@jest/globals';
import { makeNode, NOW } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

export function describeNodes(context: () => StoreContext): void {
  test('a SuperNode comes back as it was stored, with an id of 64 bits', async () => {
    const { store, replica } = context();
    const node = makeNode({ id: (1n << 64n) - 1n, engine: 'roundtrip' });
    await store.insertNode(node);
    expect(await replica.nodeById(node.id)).toEqual(node);
    expect(await store.nodeById(1n)).toBeUndefined();
  });

  test('those of the engines that are asked for, oldest first', async () => {
    const { store, replica } = context();
    const young = makeNode({ engine: 'a', registeredAt: NOW + 2 });
    const old = makeNode({ engine: 'b', registeredAt: NOW + 1 });
    for (const node of [young, old, makeNode({ engine: 'c' })]) await store.insertNode(node);
    expect(await replica.nodesOf(['a', 'b'])).toEqual([old, young]);
    expect(await store.nodesOf([])).toEqual([]);
  });

  test('unregistering is noted once, and for one engine', async () => {
    const { store, replica } = context();
    const node = makeNode({ engine: 'first', registeredAt: NOW });
    const other = { ...node, engine: 'second', registeredAt: NOW + 1 };
    await store.insertNode(node);
    await store.insertNode(other);
    await store.markUnregistered('first', node.id, NOW + 5);
    await replica.markUnregistered('first', node.id, NOW + 9);
    expect(await store.nodesOf(['first', 'second'])).toEqual([{ ...node, unregisteredAt: NOW + 5 }, other]);
    // Of two with one id the newer one stands.
    expect(await store.nodeById(node.id)).toEqual(other);
  });

  test('an engine never gives one id twice', async () => {
    const { store } = context();
    const node = makeNode();
    await store.insertNode(node);
    await expect(store.insertNode(node)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });
}
