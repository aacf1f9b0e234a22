import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { type AccessFixture, openAccess, person, run } from './fixture.ts';

const HERE = { type: 'federation', id: '@dev/default' } as const;
const ELSEWHERE = { type: 'federation', id: '@dev/other' } as const;
const subject = person('newcomer');

let fga: TestOpenFga;
let fixture: AccessFixture;

beforeAll(async () => {
  fga = await startOpenFga();
  fixture = await openAccess(fga, { everybody: [{ federation: HERE.id, role: 'runner' }] });
}, 60_000);

afterAll(async () => {
  await fixture?.close();
  await fga?.close();
});

describe('default roles', () => {
  test.each([{}, { fresh: true }])(
    'let everybody run on the default federation and nowhere else %j',
    async (options) => {
      const { checker } = fixture.access;
      expect(await checker.check({ subject, right: 'can_run', object: HERE }, options)).toBe(true);
      expect(await checker.check({ subject, right: 'can_run', object: ELSEWHERE }, options)).toBe(false);
      expect(await checker.check({ subject, right: 'can_admin', object: HERE }, options)).toBe(false);
    },
  );

  test('leave the runs of others as private as they were', async () => {
    const question = { subject, right: 'can_view', object: run(7n, 'alice') } as const;
    expect(await fixture.access.checker.checkMany([question])).toEqual([false]);
  });

  test('are stored nowhere: who takes the setting away takes the role away', async () => {
    expect(await fixture.access.grants.grants({})).toEqual([]);
  });
});
