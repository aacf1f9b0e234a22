import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Services } from '../../../src/server/rpc/call.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { makeIdentity, NOW } from '../../support/store-rows.ts';
import { type Lab, openLab, type Plane } from './fixture.ts';

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

/** A federation with an admin of its own and somebody who has logged in once. */
async function setting(role = 'runner') {
  const id = `@lab/${randomUUID()}`;
  const [admin, guest] = [`admin-${randomUUID()}`, `guest-${randomUUID()}`];
  await lab.create(id);
  await lab.grant(admin, 'admin', `federation:${id}`);
  await lab.call(guest, 'invitations.list', {});
  const invite = () => lab.call(admin, 'invitations.create', { federation: id, invitee: guest, role });
  const revoke = (plane: Plane = lab) => plane.call(admin, 'invitations.revoke', { federation: id, invitee: guest });
  const accept = (plane: Plane = lab) => plane.call(guest, 'invitations.accept', { federation: id });
  const status = async () =>
    (await lab.call(guest, 'invitations.list', {})).received.map(({ invitation }) => invitation.status);
  return { id, admin, guest, invite, revoke, accept, status, roles: () => lab.roles(guest, id) };
}

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: { reason: string }) => error.reason,
  );

describe('inviting', () => {
  test('an invitation is seen by both, accepted once, and gives its role', async () => {
    const { id, admin, guest, invite, accept, status, roles } = await setting('operator');
    const seen = await invite();
    expect(seen).toMatchObject({ inviterHandle: admin, inviteeHandle: guest, invitation: { role: 'operator' } });
    expect((await lab.call(guest, 'invitations.list', {})).received).toEqual([seen]);
    expect((await lab.call(admin, 'invitations.list', {})).created).toEqual([seen]);
    expect((await lab.call('somebody', 'invitations.list', {})).received).toEqual([]);
    expect((await lab.refused(guest, 'federations.show', { federation: id })).error.code).toBe('NOT_FOUND');
    await accept();
    expect(lab.audit.at(-1)).toMatchObject({
      action: 'invitations.accept',
      object: `federation:${id}`,
      right: '',
      decision: 'allow',
    });
    // A repeated answer, as when the first one got lost.
    await accept();
    expect([await status(), await roles()]).toEqual([['accepted'], ['operator']]);
    expect((await lab.call(guest, 'federations.show', { federation: id })).seen.rights).toContain('can_manage_nodes');
  });

  test('a rejected or revoked one gives nothing, and another may follow', async () => {
    const { id, guest, invite, revoke, accept, status, roles } = await setting();
    await invite();
    await lab.call(guest, 'invitations.reject', { federation: id });
    expect(lab.audit.at(-1)).toMatchObject({ action: 'invitations.reject', object: `federation:${id}` });
    expect(await reasonOf(accept())).toBe('INVITATION_NOT_FOUND');
    expect(await reasonOf(revoke())).toBe('INVITATION_NOT_FOUND');
    await invite();
    await revoke();
    expect(await reasonOf(lab.call(guest, 'invitations.reject', { federation: id }))).toBe('INVITATION_NOT_FOUND');
    expect([await status(), await roles()]).toEqual([['revoked', 'rejected'], []]);
  });

  test('who is removed can not accept again', async () => {
    const { id, admin, guest, invite, accept, roles } = await setting();
    await invite();
    await accept();
    await lab.call(admin, 'federations.remove-member', { federation: id, account: guest });
    expect(await reasonOf(accept())).toBe('INVITATION_NOT_FOUND');
    expect(await roles()).toEqual([]);
  });

  test('one is pending, of a role that there is, for somebody who lacks it', async () => {
    const { id, admin, guest, invite } = await setting('viewer');
    await invite();
    expect(await reasonOf(invite())).toBe('INVITATION_EXISTS');
    const create = (fields: object) =>
      reasonOf(lab.call(admin, 'invitations.create', { federation: id, invitee: guest, role: '', ...fields }));
    expect(await create({ role: 'owner' })).toBe('ROLE_UNKNOWN');
    expect(await create({ invitee: 'nobody-of-that-name' })).toBe('WHO_UNKNOWN');
    expect(await create({ invitee: '' })).toBe('WHO_UNKNOWN');
    await lab.grant('some-operator', 'operator', `federation:${id}`);
    for (const role of ['operator', 'runner', 'viewer']) {
      expect(await create({ invitee: 'some-operator', role })).toBe('MEMBER_EXISTS');
    }
    expect(await create({ invitee: 'some-operator', role: 'admin' })).toBe('none');
    const twin = { preferredName: 'twin', email: `${id}@example.org` };
    for (const subject of ['twin-1', 'twin-2']) await lab.store.upsertAccount(makeIdentity({ ...twin, subject }), NOW);
    expect(await create({ invitee: twin.email })).toBe('WHO_AMBIGUOUS');
    expect(await create({ invitee: 'https://id.example twin-2' })).toBe('none');
  });

  test('needs the right to administer that federation', async () => {
    const { id, guest, invite } = await setting();
    await lab.grant('mere-operator', 'operator', `federation:${id}`);
    const input = { federation: id, invitee: guest, role: '' };
    expect(await reasonOf(lab.call('mere-operator', 'invitations.create', input))).toBe('NOT_PERMITTED');
    await invite();
    expect(await reasonOf(lab.call('mere-operator', 'invitations.revoke', input))).toBe('NOT_PERMITTED');
    expect((await lab.call('mere-operator', 'invitations.list', {})).created).toEqual([]);
  });
});

describe('an invitation when things go wrong', () => {
  /** A process that does `then` in an acceptance: before its grant, or between grant and row. */
  const interrupted = (then: () => Promise<void>, when: 'before' | 'after' = 'after') =>
    lab.another((services: Services) => ({
      grants: {
        ...services.grants,
        grant: async (grant) => {
          if (when === 'before') await then();
          const outcome = await services.grants.grant(grant);
          if (when === 'after') await then();
          return outcome;
        },
      },
    }));
  const crash = () => interrupted(() => Promise.reject(new Error('the process ends here')));

  test('a crash between grant and row is repaired by repeating', async () => {
    const { invite, accept, status, roles } = await setting();
    await invite();
    expect(await reasonOf(accept(await crash()))).toBe('INTERNAL');
    expect([await status(), await roles()]).toEqual([['pending'], ['runner']]);
    await accept();
    expect([await status(), await roles()]).toEqual([['accepted'], ['runner']]);
  });

  test.each(['revoked', 'rejected'] as const)('half accepted, then %s: nothing is left', async (ending) => {
    const { id, guest, invite, accept, revoke, status, roles } = await setting();
    await invite();
    await accept(await crash()).catch(() => undefined);
    if (ending === 'revoked') await revoke();
    else await lab.call(guest, 'invitations.reject', { federation: id });
    expect([await status(), await roles()]).toEqual([[ending], []]);
  });

  test.each(['before', 'after'] as const)('revoked %s the grant of an acceptance: nothing is left', async (when) => {
    const { invite, accept, revoke, status, roles } = await setting();
    await invite();
    const plane = await interrupted(async () => void (await revoke()), when);
    expect(await reasonOf(accept(plane))).toBe('INVITATION_NOT_FOUND');
    expect([await status(), await roles()]).toEqual([['revoked'], []]);
  });

  test('accepted by another process in the middle of an acceptance: both succeed', async () => {
    const { invite, accept, status, roles } = await setting();
    await invite();
    const plane = await interrupted(async () => void (await accept()));
    expect(await reasonOf(accept(plane))).toBe('none');
    expect([await status(), await roles()]).toEqual([['accepted'], ['runner']]);
  });

  test('a grant with an end that came from elsewhere outlives a revoked invitation', async () => {
    const { id, guest, invite, revoke, roles } = await setting();
    await invite();
    await lab.grant(guest, 'runner', `federation:${id}`, Date.now() + 600_000);
    await revoke();
    expect(await roles()).toEqual(['runner']);
  });

  test('two acceptances over two processes at once: both succeed, one row, one grant', async () => {
    const other = await lab.another();
    for (let round = 0; round < 5; round += 1) {
      const { invite, accept, status, roles } = await setting();
      await invite();
      expect(await Promise.all([reasonOf(accept()), reasonOf(accept(other))])).toEqual(['none', 'none']);
      expect([await status(), await roles()]).toEqual([['accepted'], ['runner']]);
    }
  }, 30_000);

  test('acceptance against revocation over two processes: exactly one wins, and the role says which', async () => {
    const other = await lab.another();
    for (let round = 0; round < 16; round += 1) {
      const { invite, accept, revoke, status, roles } = await setting();
      await invite();
      // Started from each side in turn, and a little apart, so that both orders happen.
      const accepting = round % 2 ? accept() : new Promise((go) => setTimeout(go, round)).then(() => accept());
      const revoking = round % 2 ? new Promise((go) => setTimeout(go, round)).then(() => revoke(other)) : revoke(other);
      const [accepted, revoked] = await Promise.all([reasonOf(accepting), reasonOf(revoking)]);
      const [end] = await status();
      expect([accepted, revoked].filter((reason) => reason === 'none')).toHaveLength(1);
      expect({ end, roles: await roles() }).toEqual(
        accepted === 'none' ? { end: 'accepted', roles: ['runner'] } : { end: 'revoked', roles: [] },
      );
    }
  }, 60_000);
});

describe('members', () => {
  test('a removed one loses every role of their own; group roles stay', async () => {
    const { id, admin, guest } = await setting();
    for (const role of ['viewer', 'runner']) await lab.grant(guest, role, `federation:${id}`);
    await lab.grant(guest, 'admin', 'federation:@lab/default');
    await lab.call(admin, 'federations.remove-member', { federation: id, account: guest });
    expect(await lab.roles(guest, id)).toEqual([]);
    expect(await lab.roles(guest, '@lab/default')).toEqual(['admin']);
    const { error } = await lab.refused(admin, 'federations.remove-member', { federation: id, account: guest });
    expect(error).toMatchObject({ code: 'NOT_FOUND', reason: 'MEMBER_NOT_FOUND' });
    expect((await lab.refused(guest, 'federations.show', { federation: id })).error.code).toBe('NOT_FOUND');
  });

  test('anybody may leave', async () => {
    const { id, guest } = await setting();
    await lab.grant(guest, 'runner', `federation:${id}`);
    await lab.call(guest, 'federations.leave', { federation: id });
    expect(lab.audit.at(-1)).toMatchObject({ action: 'federations.leave', object: `federation:${id}` });
    expect(await lab.roles(guest, id)).toEqual([]);
    expect(await reasonOf(lab.call(guest, 'federations.leave', { federation: id }))).toBe('FEDERATION_NOT_FOUND');
    expect(await reasonOf(lab.call('root', 'federations.leave', { federation: id }))).toBe('MEMBER_NOT_FOUND');
  });
});
