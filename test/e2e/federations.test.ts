import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, bearer, openWire } from '../support/calls.ts';
import { type AccountName, CONNECTION, invitePeople, TICKER } from '../support/people.ts';
import { sharedStack } from './stack/shared.ts';

const SERVICE = '/fedctl.v1.Federations';
const NAME = randomUUID().slice(0, 8);
/** The one of this story, one that the people of this story are never in, and none. */
const TEAM = `@team/${NAME}`;
const FOREIGN = `@other/${NAME}`;
const NOWHERE = `@otter/${NAME}`;

interface Federation {
  readonly id: string;
  readonly engine: string;
  readonly archived: boolean;
  readonly rights: readonly string[];
  readonly memberCount: number;
}
interface Invitation {
  readonly federation: string;
  readonly inviter: string;
  readonly invitee: string;
  readonly role: string;
  readonly status: string;
}

describe('federations', () => {
  const stack = sharedStack();
  const people = invitePeople(stack);
  const [admin, bob, carol] = (['admin', 'bob', 'carol'] as const).map((name) => people.person(name));
  const wire = openWire({ ...stack, agent: `federations-${NAME}` });
  const tokens = new Map<AccountName, Record<string, string>>();

  const call = (who: AccountName, name: string, request: object) =>
    wire.call(`${SERVICE}/${name}`, { request, metadata: tokens.get(who) ?? {} });
  async function message<T>(who: AccountName, name: string, request: object = {}): Promise<T> {
    const { code, details, messages } = await call(who, name, request);
    expect({ who, name, code, details }).toMatchObject({ code: status.OK });
    return messages[0] as T;
  }
  const show = async (who: AccountName) =>
    message<{ federation: Federation; members: { who: string; role: string }[] }>(who, 'ShowFederation', {
      federation: TEAM,
    });
  const listed = async (who: AccountName) =>
    (await message<{ federations: Federation[] }>(who, 'ListFederations')).federations.map(({ id }) => id);

  beforeAll(async () => {
    for (const person of [admin, bob, carol]) {
      if (!person) throw new Error('nobody');
      await person.login();
      tokens.set(person.name, bearer(person.tokens().access));
    }
    for (const federation of [TEAM, FOREIGN]) {
      const request = { federation, description: 'e2e', simulation: false, engine: '' };
      await message('admin', 'CreateFederation', request);
    }
  }, 60_000);

  afterAll(() => {
    wire.close();
    people.leave();
  });

  test('a new one is for the system admin alone, until somebody is invited and accepts', async () => {
    expect(await listed('admin')).toEqual(expect.arrayContaining([TEAM, FOREIGN]));
    expect(await listed('bob')).not.toContain(TEAM);
    await message('admin', 'CreateInvitation', { federation: TEAM, invitee: 'bob', role: 'admin' });
    const { received } = await message<{ received: Invitation[] }>('bob', 'ListInvitations');
    expect(received.filter(({ federation }) => federation === TEAM)).toMatchObject([
      { inviter: 'admin', invitee: 'bob', role: 'admin', status: 'pending' },
    ]);
    expect(await listed('bob')).not.toContain(TEAM);
    await message('bob', 'AcceptInvitation', { federation: TEAM });
    expect(await listed('bob')).toContain(TEAM);
    expect((await show('bob')).members).toMatchObject([{ who: 'bob', role: 'admin' }]);
  });

  test('its admin invites, revokes, and invites again; the default role is runner', async () => {
    const request = { federation: TEAM, invitee: 'carol', role: '' };
    await message('bob', 'CreateInvitation', request);
    expect(await call('bob', 'CreateInvitation', request)).toMatchObject({ reason: 'INVITATION_EXISTS' });
    await message('bob', 'RevokeInvitation', { federation: TEAM, invitee: 'carol' });
    expect(await call('carol', 'AcceptInvitation', { federation: TEAM })).toMatchObject({
      code: status.NOT_FOUND,
      reason: 'INVITATION_NOT_FOUND',
    });
    await message('bob', 'CreateInvitation', request);
    await message('carol', 'RejectInvitation', { federation: TEAM });
    await message('bob', 'CreateInvitation', request);
    await message('carol', 'AcceptInvitation', { federation: TEAM });
    const { created } = await message<{ created: Invitation[] }>('bob', 'ListInvitations');
    const carols = created.filter(({ federation, invitee }) => federation === TEAM && invitee === 'carol');
    expect(carols.map((one) => one.status)).toEqual(['accepted', 'rejected', 'revoked']);
    const seen = await show('carol');
    expect(seen.federation.rights).toEqual(['can_run', 'can_list']);
    expect(seen.members).toMatchObject([{ who: 'carol', role: 'runner' }]);
    expect((await show('bob')).federation.memberCount).toBe(2);
  });

  test("its SuperNodes are its engine's", async () => {
    const node = { federation: TEAM, nodeId: 5n };
    const nodes = await wire.call('/fedctl.v1.Supernodes/ListSupernodes', {
      request: { federation: TEAM },
      metadata: tokens.get('bob') ?? {},
    });
    const [{ supernodes }] = nodes.messages as [{ supernodes: readonly { nodeId: bigint }[] }];
    // Both of the stack's, though nobody registered them for this federation.
    expect(supernodes.length).toBeGreaterThanOrEqual(2);
    await message('bob', 'AddSupernode', { ...node, nodeId: supernodes[0]?.nodeId });
    expect(await call('bob', 'AddSupernode', node)).toMatchObject({ code: status.NOT_FOUND, reason: 'NODE_NOT_FOUND' });
    expect(await call('bob', 'RemoveSupernode', node)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'NODE_SERVES_ALL',
    });
    expect(await call('carol', 'AddSupernode', node)).toMatchObject({ code: status.PERMISSION_DENIED });
  });

  test('its runs are in it, and seen by its viewers', async () => {
    const submitted = await carol?.json(['run', TICKER, CONNECTION, '--federation', TEAM, '-c', 'ticks=1 pause=0.01']);
    const id = String(submitted?.['run-id']);
    const run = await wire.call('/fedctl.v1.Runs/ListRuns', {
      request: { runIdPrefix: id, limit: 5, cursor: '', federation: TEAM, mine: false },
      metadata: tokens.get('bob') ?? {},
    });
    expect(run.messages).toMatchObject([{ runs: [{ runId: BigInt(id), federation: TEAM, owner: 'carol' }] }]);
  }, 60_000);

  test.each(requests())('T-35: %s does not tell a foreign federation from an unknown one', async (name, request) => {
    const [foreign, unknown] = [
      await call('carol', name, request(FOREIGN)),
      await call('carol', name, request(NOWHERE)),
    ];
    expect(foreign.code).toBe(status.NOT_FOUND);
    expect(visible(foreign, FOREIGN)).toEqual(visible(unknown, NOWHERE));
  });

  test('archived, it takes nothing new and stays visible', async () => {
    expect(await call('carol', 'ArchiveFederation', { federation: TEAM })).toMatchObject({ reason: 'NOT_PERMITTED' });
    await message('bob', 'ArchiveFederation', { federation: TEAM });
    const refused = await carol?.fedctl('run', TICKER, CONNECTION, '--federation', TEAM, '--json');
    expect(JSON.parse(refused?.stdout ?? '')).toMatchObject({ error: { code: 'FEDERATION_ARCHIVED' } });
    expect((await show('carol')).federation.archived).toBe(true);
  }, 30_000);

  test('members are removed, or leave', async () => {
    await message('bob', 'RemoveMember', { federation: TEAM, account: 'carol' });
    expect(await listed('carol')).not.toContain(TEAM);
    await message('bob', 'RemoveMember', { federation: TEAM, account: '' });
    expect(await listed('bob')).not.toContain(TEAM);
  });

  test('AU-01: the rows name the federation, also where no right is asked on it', () => {
    const database = new DatabaseSync(join(stack.state, 'server/fedctl.db'), { readOnly: true });
    const rows = database
      .prepare('SELECT action, count(*) AS calls FROM audit WHERE object = ? AND decision = ? GROUP BY action')
      .all(`federation:${TEAM}`, 'allow');
    database.close();
    const actions = ['create', 'show', 'archive', 'remove-node', 'remove-member', 'leave'].map(
      (verb) => `federations.${verb}`,
    );
    const answers = ['create', 'accept', 'reject', 'revoke'].map((verb) => `invitations.${verb}`);
    expect(rows.map(({ action }) => action)).toEqual(expect.arrayContaining([...actions, ...answers, 'runs.start']));
  });
});

/** Every procedure that names a federation. */
function requests(): [name: string, request: (federation: string) => object][] {
  return [
    ['ShowFederation', (federation) => ({ federation })],
    ['ArchiveFederation', (federation) => ({ federation })],
    ['AddSupernode', (federation) => ({ federation, nodeId: 5n })],
    ['RemoveSupernode', (federation) => ({ federation, nodeId: 5n })],
    ['RemoveMember', (federation) => ({ federation, account: 'bob' })],
    ['RemoveMember', (federation) => ({ federation, account: '' })],
    ['ConfigureSimulation', (federation) => ({ federation, config: {} })],
    ['CreateInvitation', (federation) => ({ federation, invitee: 'bob', role: 'viewer' })],
    ['AcceptInvitation', (federation) => ({ federation })],
    ['RejectInvitation', (federation) => ({ federation })],
    ['RevokeInvitation', (federation) => ({ federation, invitee: 'bob' })],
  ];
}

/** All that a client sees of an answer, but for its request id; the name taken out. Both have the same length. */
function visible({ code, details, reason, trailer, headers, messages }: Answer, federation: string) {
  const text = JSON.stringify({ code, details, reason, headers, messages });
  const hex = (one: string) => Buffer.from(one).toString('hex');
  return [
    text.replaceAll(federation, '@x'),
    trailer.map((line) => line.replaceAll(hex(federation), hex('@x')).replaceAll(federation, '@x')),
  ];
}
