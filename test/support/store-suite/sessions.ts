import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { CompletedRenewal } from '../../../src/core/sessions.ts';
import { NOW, storeSession } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

function renewal(id: string, fields: Partial<CompletedRenewal> = {}): CompletedRenewal {
  return {
    id,
    holder: 'holder',
    generation: 2,
    refreshHash: randomUUID(),
    sealedPair: 'next-pair',
    sealedProviderToken: 'next-provider-token',
    sealedProviderAccess: 'next-provider-access',
    sealedIdToken: undefined,
    groups: ['next'],
    now: NOW + 1000,
    ...fields,
  };
}

export function describeSessions(context: () => StoreContext): void {
  test('a session and its refresh token come back as they were stored', async () => {
    const { store, replica } = context();
    const { session, refreshHash } = await storeSession(store);
    const expected = { ...session, renewedAt: NOW, generation: 1, seenGeneration: 0, revokedAt: undefined };
    expect(await replica.sessionById(session.id)).toEqual({ ...expected, revokedReason: '' });
    expect(await replica.refreshToken(refreshHash)).toEqual({
      hash: refreshHash,
      sessionId: session.id,
      generation: 1,
      supersededAt: undefined,
    });
    expect(await store.sessionById('unknown')).toBeUndefined();
    expect(await store.refreshToken('unknown')).toBeUndefined();
  });

  test('the seen generation only grows', async () => {
    const { store, replica } = context();
    const { session } = await storeSession(store);
    await Promise.all([store.markSeen(session.id, 3), replica.markSeen(session.id, 2), store.markSeen(session.id, 1)]);
    expect((await store.sessionById(session.id))?.seenGeneration).toBe(3);
    await store.markSeen(session.id, 2);
    expect((await store.sessionById(session.id))?.seenGeneration).toBe(3);
  });

  test('a session ends once, with the reason of who ended it', async () => {
    const { store, replica } = context();
    const { session } = await storeSession(store);
    const ended = await Promise.all(
      ['a', 'b', 'c'].map((reason, index) => (index % 2 ? replica : store).revokeSession(session.id, reason, NOW + 5)),
    );
    expect(ended.filter(Boolean)).toHaveLength(1);
    const { revokedAt, revokedReason } = (await store.sessionById(session.id)) ?? {};
    expect(revokedAt).toBe(NOW + 5);
    expect(revokedReason).toBe(['a', 'b', 'c'][ended.indexOf(true)]);
  });

  test('of many that want to renew, over two servers, one gets the lease', async () => {
    const { store, replica } = context();
    const { session } = await storeSession(store);
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? store : replica).acquireRenewal(session.id, 1, `holder-${index}`, NOW + 100, NOW),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  test('a lease is given again after its end or its release, not to others before', async () => {
    const { store, replica } = context();
    const { session } = await storeSession(store);
    expect(await store.acquireRenewal(session.id, 1, 'a', NOW + 100, NOW)).toBe(true);
    expect(await replica.acquireRenewal(session.id, 1, 'b', NOW + 199, NOW + 99)).toBe(false);
    expect(await replica.acquireRenewal(session.id, 1, 'b', NOW + 200, NOW + 100)).toBe(true);
    await store.releaseRenewal(session.id, 'a');
    expect(await store.acquireRenewal(session.id, 1, 'c', NOW + 300, NOW + 150)).toBe(false);
    await replica.releaseRenewal(session.id, 'b');
    expect(await store.acquireRenewal(session.id, 1, 'c', NOW + 300, NOW + 150)).toBe(true);
  });

  test('no lease for another generation, an ended or an unknown session', async () => {
    const { store } = context();
    const { session } = await storeSession(store, { expiresAt: NOW + 1000, idleMs: 500 });
    expect(await store.acquireRenewal(session.id, 2, 'a', NOW + 100, NOW)).toBe(false);
    expect(await store.acquireRenewal(session.id, 1, 'a', NOW + 900, NOW + 500)).toBe(false);
    expect(await store.acquireRenewal('unknown', 1, 'a', NOW + 100, NOW)).toBe(false);
    await store.revokeSession(session.id, 'logout', NOW);
    expect(await store.acquireRenewal(session.id, 1, 'a', NOW + 100, NOW)).toBe(false);
  });

  test('a completed renewal moves everything at once and frees the lease', async () => {
    const { store, replica } = context();
    const { session, refreshHash } = await storeSession(store);
    await store.acquireRenewal(session.id, 1, 'holder', NOW + 100, NOW);
    const done = renewal(session.id);
    expect(await store.completeRenewal(done)).toBe(true);
    expect(await replica.sessionById(session.id)).toMatchObject({
      generation: 2,
      renewedAt: done.now,
      sealedPair: 'next-pair',
      sealedProviderToken: 'next-provider-token',
      groups: ['next'],
      expiresAt: session.expiresAt,
    });
    expect((await replica.refreshToken(refreshHash))?.supersededAt).toBe(done.now);
    expect(await replica.refreshToken(done.refreshHash)).toMatchObject({ generation: 2, supersededAt: undefined });
    expect(await store.acquireRenewal(session.id, 1, 'late', NOW + 5000, NOW + 2000)).toBe(false);
    expect(await store.acquireRenewal(session.id, 2, 'next', NOW + 5000, NOW + 2000)).toBe(true);
  });

  test('a renewal moves the idle end, not beyond the absolute one', async () => {
    const { store } = context();
    const { session } = await storeSession(store, { expiresAt: NOW + 1500, idleMs: 1000 });
    await store.acquireRenewal(session.id, 1, 'holder', NOW + 100, NOW);
    await store.completeRenewal(renewal(session.id, { now: NOW + 900 }));
    expect(await store.acquireRenewal(session.id, 2, 'holder', NOW + 9000, NOW + 1500)).toBe(false);
    expect(await store.acquireRenewal(session.id, 2, 'holder', NOW + 9000, NOW + 1499)).toBe(true);
  });

  test('without the lease a renewal changes nothing', async () => {
    const { store, replica } = context();
    const { session, refreshHash } = await storeSession(store);
    await store.acquireRenewal(session.id, 1, 'slow', NOW + 100, NOW);
    await replica.acquireRenewal(session.id, 1, 'fast', NOW + 300, NOW + 200);
    const late = renewal(session.id, { holder: 'slow' });
    expect(await store.completeRenewal(late)).toBe(false);
    expect(await store.refreshToken(late.refreshHash)).toBeUndefined();
    expect((await store.refreshToken(refreshHash))?.supersededAt).toBeUndefined();
    expect(await replica.completeRenewal(renewal(session.id, { holder: 'fast' }))).toBe(true);
    expect(await replica.completeRenewal(renewal(session.id, { holder: 'fast', generation: 3 }))).toBe(false);
  });

  test('a session that was ended in the meantime is not renewed', async () => {
    const { store } = context();
    const { session } = await storeSession(store);
    await store.acquireRenewal(session.id, 1, 'holder', NOW + 100, NOW);
    await store.revokeSession(session.id, 'logout', NOW + 1);
    expect(await store.completeRenewal(renewal(session.id))).toBe(false);
    expect((await store.sessionById(session.id))?.generation).toBe(1);
  });

  test('a provider that gives no new token leaves none', async () => {
    const { store } = context();
    const { session } = await storeSession(store);
    await store.acquireRenewal(session.id, 1, 'holder', NOW + 100, NOW);
    await store.completeRenewal(renewal(session.id, { sealedProviderToken: undefined }));
    expect((await store.sessionById(session.id))?.sealedProviderToken).toBeUndefined();
  });

  test('a sweep takes sessions that ended before, by any end, with their refresh tokens', async () => {
    const { store } = context();
    const early = -1_000_000;
    const [idle, expired, revoked, alive] = [
      await storeSession(store, { createdAt: early, idleMs: 10, expiresAt: early + 500 }),
      await storeSession(store, { createdAt: early, idleMs: 500, expiresAt: early + 10 }),
      await storeSession(store),
      await storeSession(store, { createdAt: early, idleMs: 100, expiresAt: early + 500 }),
    ];
    await store.revokeSession(revoked.session.id, 'logout', early + 10);
    expect(await store.sweepSessions(early + 11)).toBe(3);
    for (const { session, refreshHash } of [idle, expired, revoked]) {
      expect(await store.sessionById(session.id)).toBeUndefined();
      expect(await store.refreshToken(refreshHash)).toBeUndefined();
    }
    expect(await store.sessionById(alive.session.id)).toBeDefined();
  });

  test('a session that keeps an exchanged token out stays for a year', async () => {
    const { store } = context();
    const [DAY, early] = [24 * 3600_000, -4e11];
    const times = { createdAt: early, idleMs: 100, expiresAt: early + 100 };
    const over = await storeSession(store, { ...times, exchangeHash: randomUUID() });
    const ended = await storeSession(store, { ...times, exchangeHash: randomUUID() });
    await store.revokeSession(ended.session.id, 'logout', early + 10);
    await store.sweepSessions(early + 364 * DAY);
    expect(await store.sessionById(over.session.id)).toBeUndefined();
    expect(await store.sessionById(ended.session.id)).toBeDefined();
    await store.sweepSessions(early + 366 * DAY);
    expect(await store.sessionById(ended.session.id)).toBeUndefined();
  });
}
