import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { makeLogin, NOW } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

export function describeLogins(context: () => StoreContext): void {
  test('a login comes back as it was stored', async () => {
    const { store, replica } = context();
    const flow = makeLogin();
    await store.createLogin(flow);
    expect(await replica.login(flow.handleHash)).toEqual(flow);
    expect(await store.login('unknown')).toBeUndefined();
  });

  test('of parallel polls one is let through', async () => {
    const { store, replica } = context();
    const flow = makeLogin();
    await store.createLogin(flow);
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? store : replica).claimPoll(flow.handleHash, flow.nextPollAt, flow.nextPollAt + 10_000, 10_000),
      ),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await store.login(flow.handleHash)).toEqual({
      ...flow,
      nextPollAt: flow.nextPollAt + 10_000,
      intervalMs: 10_000,
    });
    expect(await store.claimPoll('unknown', 0, 1, 1)).toBe(false);
  });

  test('DG-09: a login is used up once', async () => {
    const { store, replica } = context();
    const flow = makeLogin();
    await store.createLogin(flow);
    const consumed = await Promise.all([store, replica, store].map((each) => each.consumeLogin(flow.handleHash)));
    expect(consumed.filter(Boolean)).toHaveLength(1);
    expect(await replica.login(flow.handleHash)).toBeUndefined();
  });

  test('logins under way are counted and ended ones swept', async () => {
    const { store } = context();
    const address = randomUUID();
    const [ended, alive] = [makeLogin({ address, expiresAt: NOW }), makeLogin({ address, expiresAt: NOW + 1 })];
    const other = makeLogin({ address: randomUUID(), expiresAt: NOW + 1 });
    for (const flow of [ended, alive, other]) await store.createLogin(flow);
    const counts = await store.countLogins(NOW);
    expect([counts.get(address), counts.get(other.address)]).toEqual([1, 1]);
    expect(await store.sweepLogins(NOW)).toBe(1);
    expect(await store.login(ended.handleHash)).toBeUndefined();
    expect(await store.login(alive.handleHash)).toEqual(alive);
  });

  test('a page flow is found by its code and its state, and takes each step once', async () => {
    const { store, replica } = context();
    const flow = makeLogin({ kind: 'page', sealedDeviceCode: '', userCode: randomUUID() });
    await store.createLogin(flow);
    await expect(store.createLogin(makeLogin({ kind: 'page', userCode: flow.userCode }))).rejects.toBeDefined();
    expect(await replica.loginByUserCode(flow.userCode ?? '')).toEqual(flow);
    const confirmed = {
      state: 'confirmed',
      stateHash: randomUUID(),
      browserHash: 'browser',
      sealedRequest: 'more',
    } as const;
    const steps = await Promise.all([store, replica, store].map((each) => each.advanceLogin(flow, confirmed)));
    expect(steps.filter(Boolean)).toHaveLength(1);
    const standing = { ...flow, ...confirmed };
    expect(await replica.loginByState(confirmed.stateHash)).toEqual(standing);
    // Confirmed again meanwhile: what was read before stands no more.
    const again = { ...confirmed, stateHash: randomUUID() };
    expect(await store.advanceLogin(standing, again)).toBe(true);
    expect(await store.advanceLogin(standing, { state: 'redeeming' })).toBe(false);
    expect(await store.loginByState(confirmed.stateHash)).toBeUndefined();
    const approved = { state: 'approved', sealedResult: 'result', expiresAt: flow.expiresAt + 1 } as const;
    expect(await store.openLogins([flow.handleHash, 'unknown'])).toEqual(new Set([flow.handleHash]));
    expect(await store.advanceLogin({ ...standing, ...again }, approved)).toBe(true);
    expect(await replica.login(flow.handleHash)).toEqual({ ...standing, ...again, ...approved });
    expect(await replica.openLogins([flow.handleHash])).toEqual(new Set());
    expect(await replica.openLogins([])).toEqual(new Set());
  });

  test('approved ones of one issuer are found while they wait', async () => {
    const { store, replica } = context();
    const issuerAlias = randomUUID();
    const approved = { kind: 'page', state: 'approved', sealedResult: 'result', issuerAlias } as const;
    const waiting = makeLogin({ ...approved, expiresAt: NOW + 1 });
    const others = [
      makeLogin({ ...approved, expiresAt: NOW }),
      makeLogin({ ...approved, state: 'confirmed', expiresAt: NOW + 1 }),
      makeLogin({ ...approved, issuerAlias: randomUUID(), expiresAt: NOW + 1 }),
    ];
    for (const flow of [waiting, ...others]) await store.createLogin(flow);
    expect(await replica.approvedLogins(issuerAlias, NOW)).toEqual([waiting]);
    expect(await store.advanceLogin(waiting, { state: 'failed', sealedResult: '', nextPollAt: NOW + 7 })).toBe(true);
    expect(await replica.login(waiting.handleHash)).toMatchObject({ sealedResult: '', nextPollAt: NOW + 7 });
    expect(await replica.approvedLogins(issuerAlias, NOW)).toEqual([]);
    for (const { handleHash } of [waiting, ...others]) await store.consumeLogin(handleHash);
  });

  test('what was approved and never fetched is handed over once', async () => {
    const { store, replica } = context();
    const over = makeLogin({ kind: 'page', state: 'approved', sealedResult: 'result', expiresAt: NOW });
    const fresh = makeLogin({ kind: 'page', state: 'approved', sealedResult: 'result', expiresAt: NOW + 1 });
    const pending = makeLogin({ kind: 'page', expiresAt: NOW });
    for (const flow of [over, fresh, pending]) await store.createLogin(flow);
    const taken = await Promise.all([store.takeUnfetched(NOW), replica.takeUnfetched(NOW)]);
    expect(taken.flat()).toEqual([over]);
    expect(await store.login(fresh.handleHash)).toEqual(fresh);
    expect(await store.login(pending.handleHash)).toEqual(pending);
  });
}
