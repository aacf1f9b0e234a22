import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { makeIdentity } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

export function describeAccounts(context: () => StoreContext): void {
  test('AT-09: an account is found by issuer and subject, never by e-mail or name', async () => {
    const { store } = context();
    const mallory = makeIdentity({ preferredName: 'same', email: 'same@example.org' });
    const first = await store.upsertAccount(mallory, 1);
    const other = await store.upsertAccount({ ...mallory, issuer: 'https://other.example' }, 2);
    const third = await store.upsertAccount({ ...mallory, subject: 'another' }, 3);
    expect(new Set([first.id, other.id, third.id]).size).toBe(3);
    expect([first.handle, other.handle, third.handle]).toEqual(['same', 'same-2', 'same-3']);
  });

  test('a later login updates what is shown and keeps id, handle and birth', async () => {
    const { store } = context();
    const identity = makeIdentity({ preferredName: randomUUID() });
    const before = await store.upsertAccount(identity, 10);
    const changed = { ...identity, preferredName: 'renamed', displayName: 'New', email: 'New@Example.org' };
    const after = await store.upsertAccount(changed, 20);
    expect(after).toEqual({ ...before, displayName: 'New', email: 'New@Example.org', lastLoginAt: 20 });
    expect(await store.accountById(before.id)).toEqual(after);
  });

  test('parallel first logins of one person make one account', async () => {
    const { store, replica } = context();
    const identity = makeIdentity();
    const accounts = await Promise.all([store, replica, store, replica].map((each) => each.upsertAccount(identity, 1)));
    expect(new Set(accounts.map((account) => account.id)).size).toBe(1);
  });

  test('parallel first logins with one wanted name make distinct handles', async () => {
    const { store, replica } = context();
    const wanted = `name-${randomUUID().slice(0, 8)}`;
    const accounts = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 ? store : replica).upsertAccount(makeIdentity({ preferredName: wanted }), 1),
      ),
    );
    const expected = [wanted, ...Array.from({ length: 11 }, (_, index) => `${wanted}-${index + 2}`)];
    expect(accounts.map((account) => account.handle).sort()).toEqual(expected.sort());
  });

  test('a name becomes a handle', async () => {
    const { store } = context();
    const id = randomUUID().slice(0, 8);
    const handleOf = async (preferredName: string) =>
      (await store.upsertAccount(makeIdentity({ preferredName }), 1)).handle;
    expect(await handleOf(`${id}@example.org`)).toBe(`${id}-example-org`);
    expect(await handleOf(`${id} Zoë 🙂`)).toBe(`${id}-Zo---`);
    expect(await handleOf(`--${id}x`)).toBe(`${id}x`);
    expect(await handleOf('')).toMatch(/^user(-\d+)?$/);
    expect(await handleOf(`${id}${'x'.repeat(100)}`)).toHaveLength(64);
    expect(await handleOf(`${id}${'x'.repeat(100)}`)).toMatch(/^.{62}-2$/);
  });

  test('accounts are looked up by ids', async () => {
    const { store } = context();
    const [a, b] = [await store.upsertAccount(makeIdentity(), 1), await store.upsertAccount(makeIdentity(), 1)];
    const found = await store.accountsByIds([a.id, 'unknown', b.id]);
    expect(found.map((account) => account.id).sort()).toEqual([a.id, b.id].sort());
    expect(await store.accountsByIds([])).toEqual([]);
    expect(await store.accountById('unknown')).toBeUndefined();
  });

  test('accounts are found by handle, e-mail or subject, exactly', async () => {
    const { store } = context();
    const tag = randomUUID();
    const identity = makeIdentity({
      subject: `sub-${tag}`,
      preferredName: `h-${tag}`,
      email: `Mail-${tag}@Example.org`,
    });
    const account = await store.upsertAccount(identity, 1);
    for (const text of [`h-${tag}`, `mail-${tag}@example.ORG`, `sub-${tag}`]) {
      expect(await store.findAccounts({ text })).toEqual([account]);
    }
    expect(await store.findAccounts({ text: `h-${tag.slice(0, -1)}` })).toEqual([]);
    expect(await store.findAccounts({ text: '%' })).toEqual([]);
    expect(await store.findAccounts({ issuer: identity.issuer, subject: identity.subject })).toEqual([account]);
    expect(await store.findAccounts({ issuer: 'https://other.example', subject: identity.subject })).toEqual([]);
  });

  test('at most 20 accounts are found', async () => {
    const { store } = context();
    const email = `${randomUUID()}@example.org`;
    for (let count = 0; count < 21; count += 1) await store.upsertAccount(makeIdentity({ email }), 1);
    expect(await store.findAccounts({ text: email })).toHaveLength(20);
  });
}
