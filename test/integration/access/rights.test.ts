import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type AccessObject, RIGHTS, type Right, type Subject } from '../../../src/core/access.ts';
import { startOpenFga, type TestOpenFga } from '../../support/openfga.ts';
import { type AccessFixture, can, openAccess, person, run } from './fixture.ts';

/** Who holds which role; `x-` roles are held in another federation or on another run. */
const ROLES: Readonly<Record<string, readonly [role: string, object: string]>> = {
  'system admin': ['admin', 'system:fedctl'],
  'system auditor': ['auditor', 'system:fedctl'],
  'federation admin': ['admin', 'federation:@dev/default'],
  'federation operator': ['operator', 'federation:@dev/default'],
  'federation runner': ['runner', 'federation:@dev/default'],
  'federation viewer': ['viewer', 'federation:@dev/default'],
  'admin of another federation': ['admin', 'federation:@dev/other'],
  'run operator': ['operator', 'run:7'],
  'run viewer': ['viewer', 'run:7'],
  'operator of another run': ['operator', 'run:8'],
  'group member': ['member', 'group:local|ward'],
};
const OWNER = 'run owner';
const STRANGER = 'stranger';

const OBJECTS: Readonly<Record<string, AccessObject>> = {
  system: { type: 'system' },
  federation: { type: 'federation', id: '@dev/default' },
  run: run(7n, 'run-owner'),
  'unshared run': run(9n, 'run-owner'),
  group: { type: 'group', name: 'ward' },
};

/** Columns: list view log stop pull run share nodes admin. The same table stands in docs/authorization.md. */
const COLUMNS: readonly Right[] = [
  'can_list',
  'can_view',
  'can_log',
  'can_stop',
  'can_pull',
  'can_run',
  'can_share',
  'can_manage_nodes',
  'can_admin',
];

const TABLE: Readonly<Record<string, string>> = {
  //                                        list view log stop pull run share nodes admin
  'system / system admin': '                  y    y   .    .    .   .    .     y     y',
  'system / system auditor': '                y    y   .    .    .   .    .     .     .',
  'federation / system admin': '              y    y   y    y    y   y    y     y     y',
  'federation / system auditor': '            y    .   .    .    .   .    .     .     .',
  'federation / federation admin': '          y    y   y    y    y   y    y     y     y',
  'federation / federation operator': '       y    y   y    y    y   y    .     y     .',
  'federation / federation runner': '         y    .   .    .    .   y    .     .     .',
  'federation / federation viewer': '         y    y   y    .    .   .    .     .     .',
  'run / system admin': '                     y    y   y    y    y   .    y     .     y',
  'run / federation admin': '                 y    y   y    y    y   .    y     .     y',
  'run / federation operator': '              y    y   y    y    y   .    .     .     .',
  'run / federation viewer': '                y    y   y    .    .   .    .     .     .',
  'run / run owner': '                        y    y   y    y    y   .    y     .     .',
  'run / run operator': '                     y    y   y    y    y   .    .     .     .',
  'run / run viewer': '                       y    y   y    .    .   .    .     .     .',
  'unshared run / system admin': '            y    y   y    y    y   .    y     .     y',
  'unshared run / federation admin': '        y    y   y    y    y   .    y     .     y',
  'unshared run / federation operator': '     y    y   y    y    y   .    .     .     .',
  'unshared run / federation viewer': '       y    y   y    .    .   .    .     .     .',
  'unshared run / run owner': '               y    y   y    y    y   .    y     .     .',
  'group / system admin': '                   y    y   .    .    .   .    .     .     y',
  'group / system auditor': '                 y    y   .    .    .   .    .     .     .',
  'group / group member': '                   y    y   .    .    .   .    .     .     .',
};

function subjectOf(who: string): Subject {
  return person(who.replaceAll(' ', '-'));
}

function expected(cell: string): readonly Right[] {
  const marks = (TABLE[cell] ?? '').trim().split(/\s+/);
  return COLUMNS.filter((_, index) => marks[index] === 'y');
}

let fga: TestOpenFga;
let fixture: AccessFixture;

beforeAll(async () => {
  fga = await startOpenFga();
  fixture = await openAccess(fga);
  for (const [who, [role, object]] of Object.entries(ROLES)) {
    await fixture.access.grants.grant({ principal: subjectOf(who).principal, role, object, until: undefined });
  }
}, 60_000);

afterAll(async () => {
  await fixture?.close();
  await fga?.close();
});

describe('each role has exactly the rights of the table; who is in no row of an object has none on it', () => {
  const whos = [...Object.keys(ROLES), OWNER, STRANGER];
  const cells = Object.keys(OBJECTS).flatMap((object) => whos.map((who) => [object, who] as const));

  test.each(cells)('%s / %s', async (object, who) => {
    const target = OBJECTS[object] as AccessObject;
    const allowed: Right[] = [];
    for (const right of COLUMNS) if (await can(fixture.access, subjectOf(who), right, target)) allowed.push(right);
    expect(allowed).toEqual(expected(`${object} / ${who}`));

    const questions = COLUMNS.map((right) => ({ subject: subjectOf(who), right, object: target }));
    const batch = await fixture.access.checker.checkMany(questions);
    expect(COLUMNS.filter((_, index) => batch[index])).toEqual(allowed);
  });

  test('the table knows every right, and names only known rows', () => {
    expect([...COLUMNS].sort()).toEqual([...RIGHTS].sort());
    const rows = cells.map(([object, who]) => `${object} / ${who}`);
    for (const row of Object.keys(TABLE)) expect(rows).toContain(row);
    for (const marks of Object.values(TABLE)) expect(marks.trim().split(/\s+/)).toHaveLength(COLUMNS.length);
  });
});

describe('whatever the roles', () => {
  test('a run without a federation is the owner’s and the granted ones’ only', async () => {
    const lone = run(7n, 'run-owner', '');
    expect(await can(fixture.access, subjectOf(OWNER), 'can_stop', lone)).toBe(true);
    expect(await can(fixture.access, subjectOf('run viewer'), 'can_view', lone)).toBe(true);
    expect(await can(fixture.access, subjectOf('federation admin'), 'can_view', lone)).toBe(false);
  });

  test('an owner elsewhere is a stranger here', async () => {
    expect(await can(fixture.access, subjectOf(OWNER), 'can_view', run(10n, 'somebody'))).toBe(false);
  });
});
