import { expect, test } from '@jest/globals';
import type { SigningKey } from '../../../src/core/sessions.ts';
import type { StoreContext } from '../store-suite.ts';

function makeKey(kid: string, createdAt: number): SigningKey {
  return { kid, alg: 'EdDSA', publicJwk: '{}', sealedPrivateJwk: 'sealed', createdAt, retiredAt: undefined };
}

export function describeKeys(context: () => StoreContext): void {
  test('keys rotate one after another, by one server at a time', async () => {
    const { store, replica } = context();
    const first = [makeKey('a1', 1), makeKey('a2', 1), makeKey('a3', 1)];
    const made = await Promise.all(
      first.map((key, index) => (index % 2 ? store : replica).rotateSigningKey(key, undefined, 1)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    const winner = first[made.indexOf(true)]?.kid ?? '';
    expect(await store.signingKeys()).toEqual([first[made.indexOf(true)]]);

    expect(await store.rotateSigningKey(makeKey('b0', 2), undefined, 2)).toBe(false);
    expect(await store.rotateSigningKey(makeKey('b0', 2), 'other', 2)).toBe(false);
    const rotated = await Promise.all([
      store.rotateSigningKey(makeKey('b1', 2), winner, 2),
      replica.rotateSigningKey(makeKey('b2', 2), winner, 2),
    ]);
    expect(rotated.filter(Boolean)).toHaveLength(1);

    const keys = await replica.signingKeys();
    expect(keys.map((key) => key.retiredAt)).toEqual([undefined, 2]);
    expect(keys[1]?.kid).toBe(winner);

    expect(await store.deleteSigningKeys(2)).toBe(0);
    expect(await store.deleteSigningKeys(3)).toBe(1);
    expect(await store.signingKeys()).toHaveLength(1);
  });

  test('named values are set, and initialised once', async () => {
    const { store, replica } = context();
    expect(await store.meta('name')).toBeUndefined();
    await store.setMeta('name', 'a');
    await replica.setMeta('name', 'b');
    expect(await store.meta('name')).toBe('b');
    expect(await store.initMeta('name', 'c')).toBe('b');

    const standing = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 ? store : replica).initMeta('once', `value-${index}`)),
    );
    expect(new Set(standing).size).toBe(1);
    expect(await store.meta('once')).toBe(standing[0]);
  });
}
