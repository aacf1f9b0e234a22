import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { OpenFgaClient } from '@openfga/sdk';
import type { Grant } from '../../../src/core/access.ts';
import { claimGroup } from '../../../src/core/principals.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { type AccessFixture, can, movableClock, openAccess, person, run, until } from './fixture.ts';

const HOUR = 3600_000;
const RUN = run(7n, 'alice');
const bob = person('bob');
const BOB_VIEWS: Grant = { principal: bob.principal, role: 'viewer', object: 'run:7', until: undefined };

let fga: TestOpenFga;
let fixture: AccessFixture;
let clock: ReturnType<typeof movableClock>;

beforeAll(async () => {
  fga = await startOpenFga();
}, 60_000);
afterAll(() => fga?.close());
beforeEach(async () => {
  clock = movableClock();
  fixture = await openAccess(fga, { clock });
});
afterEach(() => fixture.close());

/** Writes as `fga` does by hand: past this program. */
function byHand(): OpenFgaClient {
  const { access } = fixture;
  return new OpenFgaClient({
    apiUrl: fga.url,
    storeId: access.storeId() ?? '',
    authorizationModelId: access.modelId() ?? '',
  });
}

async function grant(change: Partial<Grant>): Promise<string> {
  return fixture.access.grants.grant({ ...BOB_VIEWS, ...change });
}

describe('grant and revoke', () => {
  test('are seen at once, by cached and fresh checks and by the projection', async () => {
    const question = { subject: bob, right: 'can_view', object: RUN } as const;
    const { checker, grants } = fixture.access;
    for (let round = 0; round < 3; round++) {
      expect(await checker.check(question)).toBe(false);
      expect(await grants.grant(BOB_VIEWS)).toBe('written');
      expect(await checker.check(question)).toBe(true);
      expect(await checker.check(question, { fresh: true })).toBe(true);
      expect(await fixture.store.store.grantedRuns([7n, 8n])).toEqual(new Set([7n]));
      expect(await grants.revoke(BOB_VIEWS)).toBe('deleted');
      expect(await checker.check(question)).toBe(false);
      expect(await fixture.store.store.grantedRuns([7n, 8n])).toEqual(new Set());
    }
  });

  test('say when nothing changed', async () => {
    expect(await grant({})).toBe('written');
    expect(await grant({})).toBe('unchanged');
    expect(await fixture.access.grants.revoke(BOB_VIEWS)).toBe('deleted');
    expect(await fixture.access.grants.revoke(BOB_VIEWS)).toBe('unchanged');
  });

  test('T-33: after a revoke no fresh check allows, 200 times', async () => {
    for (let round = 0; round < 200; round++) {
      await grant({});
      await fixture.access.grants.revoke(BOB_VIEWS);
      expect(await can(fixture.access, bob, 'can_view', RUN)).toBe(false);
    }
  }, 60_000);

  test.each([
    ['user:*', 'viewer', 'run:7'],
    ['user:dev|a b', 'viewer', 'run:7'],
    ['user:dev|x#member', 'viewer', 'run:7'],
    ['group:local|x', 'viewer', 'run:7'],
    ['run:7', 'viewer', 'run:7'],
    ['user:dev|bob', 'owner', 'run:7'],
    ['user:dev|bob', 'can_stop', 'run:7'],
    ['user:dev|bob', 'federation', 'run:7'],
    ['user:dev|bob', 'viewer', 'run:unshared'],
    ['user:dev|bob', 'viewer', 'run:99999999999999999999'],
    ['user:dev|bob', 'viewer', 'supernode:7'],
    ['user:dev|bob', 'viewer', 'run:7 '],
    ['user:dev|bob', 'viewer', 'toString:7'],
  ])('T-32: %s %s %s is refused and writes nothing', async (principal, role, object) => {
    await expect(grant({ principal, role, object })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await fixture.access.grants.grants({})).toEqual([]);
  });
});

describe('grants with an end', () => {
  test('end at that time, also in the cache', async () => {
    await grant({ until: clock.now() + HOUR });
    const question = { subject: bob, right: 'can_view', object: RUN } as const;
    expect(await fixture.access.checker.check(question)).toBe(true);
    clock.advance(HOUR - 30_000);
    expect(await fixture.access.checker.check(question)).toBe(true);
    clock.advance(30_000);
    expect(await fixture.access.checker.check(question)).toBe(false);
    expect(await can(fixture.access, bob, 'can_view', RUN)).toBe(false);
    expect(await fixture.access.grants.grants({ object: 'run:7' })).toEqual([]);
  });

  test('are extended, shortened and made endless; ends in the past are refused', async () => {
    const [soon, later] = [clock.now() + HOUR, clock.now() + 2 * HOUR];
    for (const end of [soon, later, soon, undefined, later]) {
      expect(await grant({ until: end })).toBe('written');
      expect(await grant({ until: end })).toBe('unchanged');
      expect(await fixture.access.grants.grants({ object: 'run:7' })).toEqual([{ ...BOB_VIEWS, until: end }]);
    }
    await expect(grant({ until: clock.now() })).rejects.toMatchObject({ reason: 'GRANT_END_PAST' });
  });

  test('20 at the same time leave one grant, as one of them asked', async () => {
    const ends = Array.from({ length: 20 }, (_, index) => clock.now() + (index + 1) * HOUR);
    await Promise.all(ends.map((end) => grant({ until: end })));
    const [left, ...others] = await fixture.access.grants.grants({ object: 'run:7' });
    expect(others).toEqual([]);
    expect(ends).toContain(left?.until);
    expect(await can(fixture.access, bob, 'can_view', RUN)).toBe(true);
  });

  test('two servers changing one grant at the same time end with one of the two', async () => {
    const other = fixture.another();
    await other.service.start();
    const ends = Array.from({ length: 10 }, (_, index) => clock.now() + (index + 1) * HOUR);
    await Promise.allSettled(
      ends.map((end, index) => (index % 2 ? other : fixture.access).grants.grant({ ...BOB_VIEWS, until: end })),
    );
    const left = await fixture.access.grants.grants({ object: 'run:7' });
    expect(left).toHaveLength(1);
    expect(ends).toContain(left[0]?.until);
  });

  test('written by hand without an end count as ended and fail no check', async () => {
    const condition = { name: 'non_expired_grant' } as { name: string; context: object };
    await byHand().write({ writes: [{ user: bob.principal, relation: 'viewer', object: 'run:7', condition }] });
    expect(await can(fixture.access, bob, 'can_view', RUN)).toBe(false);
    expect(await can(fixture.access, person('alice'), 'can_view', RUN)).toBe(true);
    expect(await fixture.access.grants.grants({})).toEqual([]);
    // Whoever comes first, this or the sweep of ended grants: it is gone from OpenFGA itself.
    await fixture.access.grants.revoke(BOB_VIEWS);
    expect((await byHand().read({ object: BOB_VIEWS.object })).tuples).toEqual([]);
  });

  test('are deleted an hour after they ended, and others are not', async () => {
    await grant({ until: clock.now() + HOUR });
    await grant({ until: clock.now() + 9 * HOUR, role: 'operator' });
    await grant({ object: 'run:8' });
    clock.advance(2.5 * HOUR);
    await fixture.another().service.start();
    const stored = async () => (await byHand().read({}, {})).tuples.map(({ key }) => `${key.relation} ${key.object}`);
    await until(async () => (await stored()).length === 2);
    expect((await stored()).sort()).toEqual(['operator run:7', 'viewer run:8']);
  });
});

describe('written by hand', () => {
  test('a grant works for fresh and cached checks and the projection; the revoke too', async () => {
    const key = { user: bob.principal, relation: 'viewer', object: 'run:7' };
    const question = { subject: bob, right: 'can_view', object: RUN } as const;
    expect(await fixture.access.checker.check(question)).toBe(false);
    await byHand().writeTuples([key]);
    expect(await until(() => fixture.access.checker.check(question))).toBeLessThan(1_500);
    // The projection follows the decisions: it only finds rows.
    await until(async () => (await fixture.store.store.grantedRuns([7n])).has(7n));
    await byHand().deleteTuples([key]);
    expect(await can(fixture.access, bob, 'can_view', RUN)).toBe(false);
    await until(async () => (await fixture.store.store.grantedRuns([7n])).size === 0);
  });

  test('an owner or federation of a run counts for that run alone', async () => {
    await byHand().writeTuples([{ user: bob.principal, relation: 'owner', object: 'run:7' }]);
    const question = { subject: bob, right: 'can_share', object: RUN } as const;
    await until(() => fixture.access.checker.check(question));
    expect(await fixture.access.checker.check({ ...question, object: run(8n, 'alice') })).toBe(false);
  });

  test('a tuple on the stand-in for unshared runs gives nothing', async () => {
    await byHand().writeTuples([{ user: bob.principal, relation: 'viewer', object: 'run:unshared' }]);
    const question = { subject: bob, right: 'can_view', object: run(8n, 'alice') } as const;
    await until(async () => (await fixture.access.grants.grants({ object: 'run:unshared' })).length === 1);
    await grant({ role: 'operator', object: 'run:1234' });
    expect(await fixture.access.checker.check(question)).toBe(false);
    expect(await can(fixture.access, bob, 'can_view', run(8n, 'alice'))).toBe(false);
  });
});

describe('groups', () => {
  const inTeam = person('bob', ['team/ onc:ø#1', 'irrelevant']);

  test('of the token count where a grant names them, and only from that issuer', async () => {
    await grant({ principal: `${claimGroup('dev', 'team/ onc:ø#1')}#member` });
    expect(await can(fixture.access, inTeam, 'can_view', RUN)).toBe(true);
    expect(await can(fixture.access, person('bob', ['irrelevant']), 'can_view', RUN)).toBe(false);
    expect(await can(fixture.access, { ...inTeam, issuerAlias: 'other' }, 'can_view', RUN)).toBe(false);
  });

  test('made here, nested, and with members from a token', async () => {
    const ward = 'group:local|ward';
    await grant({ principal: `${ward}#member`, role: 'operator' });
    await grant({ principal: `${claimGroup('dev', 'team/ onc:ø#1')}#member`, role: 'member', object: ward });
    await grant({ principal: 'user:dev|carol', role: 'member', object: ward, until: clock.now() + HOUR });
    expect(await can(fixture.access, inTeam, 'can_stop', RUN)).toBe(true);
    expect(await can(fixture.access, person('carol'), 'can_stop', RUN)).toBe(true);
    expect(await can(fixture.access, person('bob'), 'can_stop', RUN)).toBe(false);
    clock.advance(HOUR);
    expect(await can(fixture.access, person('carol'), 'can_stop', RUN)).toBe(false);
  });

  test('a member of 5,000 groups is checked by the few that matter', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `g${index}`);
    await grant({ principal: `${claimGroup('dev', 'g4711')}#member` });
    expect(await can(fixture.access, person('bob', many), 'can_view', RUN)).toBe(true);
    expect(await can(fixture.access, person('bob', many.slice(0, 4000)), 'can_view', RUN)).toBe(false);
  });

  test('more than 90 that matter: refused with the reason', async () => {
    const many = Array.from({ length: 91 }, (_, index) => `g${index}`);
    const writes = many.map((name) => ({
      user: `${claimGroup('dev', name)}#member`,
      relation: 'viewer',
      object: 'run:1',
    }));
    await byHand().writeTuples(writes, { transaction: { disable: false } });
    await grant({});
    for (const fresh of [false, true]) {
      const question = { subject: person('bob', many), right: 'can_view', object: RUN } as const;
      await expect(fixture.access.checker.check(question, { fresh })).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'TOO_MANY_GROUPS',
      });
    }
  });
});

describe('many grants', () => {
  test('1,050 grants are listed whole: by object, by person, and all', async () => {
    const keys = (prefix: string) =>
      Array.from({ length: 525 }, (_, index) => ({
        ...(prefix === 'user'
          ? { user: `user:dev|p${index}`, object: 'run:7' }
          : { user: bob.principal, object: `run:${1000 + index}` }),
        relation: 'viewer',
      }));
    const all = [...keys('user'), ...keys('run')];
    for (let start = 0; start < all.length; start += 100)
      await byHand().write({ writes: all.slice(start, start + 100) });
    const { grants } = fixture.access;
    expect(await grants.grants({ object: 'run:7' })).toHaveLength(525);
    expect(await grants.grants({ principal: bob.principal })).toHaveLength(525);
    expect(await grants.grants({ principal: bob.principal, object: 'run:1001' })).toHaveLength(1);
    expect(new Set((await grants.grants({})).map((one) => JSON.stringify(one))).size).toBe(1050);
    await grant({ role: 'operator' });
    expect((await fixture.store.store.grantedRuns([7n, 1000n, 1524n, 1525n])).size).toBe(3);
  }, 60_000);
});

describe('a restart', () => {
  test('goes on from where the watch was, and knows groups and runs of before', async () => {
    await grant({ principal: `${claimGroup('dev', 'team')}#member` });
    await fixture.access.service.stop();
    await byHand().writeTuples([{ user: bob.principal, relation: 'viewer', object: 'run:9' }]);
    await byHand().deleteTuples([{ user: `${claimGroup('dev', 'team')}#member`, relation: 'viewer', object: 'run:7' }]);
    await byHand().writeTuples([{ user: `${claimGroup('dev', 'team')}#member`, relation: 'viewer', object: 'run:10' }]);
    const restarted = fixture.another();
    await restarted.service.start();
    expect(await fixture.store.store.grantedRuns([7n, 9n, 10n])).toEqual(new Set([9n, 10n]));
    const member = { subject: person('dora', ['team']), right: 'can_view' } as const;
    expect(await restarted.checker.check({ ...member, object: run(10n, 'alice') })).toBe(true);
    expect(await restarted.checker.check({ ...member, object: RUN })).toBe(false);
  });

  test.each([
    ['of no meaning', (storeId: string) => `${storeId} bm9uc2Vuc2U=`],
    [
      'of another store',
      () => '01ARZ3NDEKTSV4RRFFQ69G5FAV eyJ1bGlkIjoiMDFNODI3R0RXOTkzV0Q4MFpHUzJXWlRSVjMiLCJPYmplY3RUeXBlIjoiIn0=',
    ],
  ])('with a position %s reads everything again', async (_, position) => {
    await grant({});
    await fixture.access.service.stop();
    const { store } = fixture.store;
    const stale = { op: 'write', principal: 'user:dev|x', run: 99n, role: 'viewer', until: undefined } as const;
    await store.applyRunGrants([stale], position(fixture.access.storeId() ?? ''));
    const restarted = fixture.another();
    await restarted.service.start();
    await until(async () => (await store.grantedRuns([7n, 99n])).size === 1);
    expect(await store.grantedRuns([7n, 99n])).toEqual(new Set([7n]));
    expect(await restarted.checker.check({ subject: bob, right: 'can_view', object: RUN })).toBe(true);
  });
});
