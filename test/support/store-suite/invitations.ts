import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Invitation } from '../../../src/core/federations.ts';
import { makeFederation, makeIdentity, NOW } from '../store-rows.ts';
import type { StoreContext } from '../store-suite.ts';

export function describeInvitations(context: () => StoreContext): void {
  const account = async () => (await context().store.upsertAccount(makeIdentity(), NOW)).id;
  /** Of a new account to a new federation, not yet stored. */
  const make = async (fields: Partial<Invitation> = {}): Promise<Invitation> => {
    const federation = makeFederation();
    if (fields.federation === undefined) await context().store.insertFederation(federation);
    return {
      id: randomUUID(),
      federation: federation.id,
      inviterAccountId: await account(),
      inviteeAccountId: await account(),
      role: 'runner',
      status: 'pending',
      createdAt: NOW,
      changedAt: NOW,
      ...fields,
    };
  };

  test('one of a federation and invitee is pending, over all servers', async () => {
    const { store, replica } = context();
    const invitation = await make();
    const rivals = Array.from({ length: 8 }, () => ({ ...invitation, id: randomUUID() }));
    const made = await Promise.all(rivals.map((row, index) => (index % 2 ? store : replica).insertInvitation(row)));
    expect(made.filter(Boolean)).toHaveLength(1);
    const { federation, inviteeAccountId } = invitation;
    const standing = await store.invitations({ federations: [federation], inviteeAccountId });
    expect(standing).toEqual([rivals[made.indexOf(true)]]);
    // Once it is settled, the next one may come.
    await store.settleInvitation(standing[0]?.id ?? '', 'rejected', NOW + 1);
    expect(await store.insertInvitation({ ...invitation, id: randomUUID() })).toBe(true);
  });

  test('it is settled once: of many that try, one wins and says what it became', async () => {
    const { store, replica } = context();
    const invitation = await make();
    await store.insertInvitation(invitation);
    const statuses = ['accepted', 'revoked', 'rejected', 'accepted'] as const;
    const settled = await Promise.all(
      statuses.map((status, index) => (index % 2 ? store : replica).settleInvitation(invitation.id, status, NOW + 7)),
    );
    const [winner, ...others] = settled.filter((one) => one !== undefined);
    expect(others).toEqual([]);
    expect(winner).toEqual({ ...invitation, status: statuses[settled.indexOf(winner)], changedAt: NOW + 7 });
    expect(await replica.invitations({ federations: [invitation.federation] })).toEqual([winner]);
    expect(await store.settleInvitation(randomUUID(), 'accepted', NOW)).toBeUndefined();
  });

  test('lists are newest first and narrowed by all that is named', async () => {
    const { store } = context();
    const first = await make();
    const { federation, inviteeAccountId } = first;
    const second = { ...first, id: randomUUID(), inviteeAccountId: await account(), createdAt: NOW + 1 };
    const elsewhere = await make({ inviteeAccountId, createdAt: NOW + 2, status: 'revoked' });
    for (const row of [first, second, elsewhere]) await store.insertInvitation(row);
    const ids = async (filter: Parameters<typeof store.invitations>[0]) =>
      (await store.invitations(filter)).map(({ id }) => id);
    expect(await ids({ federations: [federation] })).toEqual([second.id, first.id]);
    expect(await ids({ inviteeAccountId })).toEqual([elsewhere.id, first.id]);
    expect(await ids({ inviteeAccountId, status: 'pending' })).toEqual([first.id]);
    expect(await ids({ federations: [federation, elsewhere.federation], inviteeAccountId })).toHaveLength(2);
    expect(await ids({ federations: [elsewhere.federation], status: 'pending' })).toEqual([]);
    expect(await ids({ federations: [] })).toEqual([]);
  });

  test('nobody is invited to a federation that is not there', async () => {
    const invitation = await make({ federation: '@not/there' });
    await expect(context().store.insertInvitation(invitation)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
}
