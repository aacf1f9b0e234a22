import { describe, expect, test } from '@jest/globals';
import type { AccessObject, AccessQuestion } from '../../../src/core/access.ts';
import { createGrantMap } from '../../../src/server/access/grant-map.ts';
import { MAX_CONTEXTUAL, translate, UNSHARED_RUN } from '../../../src/server/access/questions.ts';
import type { Tuple } from '../../../src/server/access/tuples.ts';

const RUN: AccessObject = { type: 'run', id: 7n, owner: 'user:dev|ann', federation: '@a/b' };

function ask(change: Partial<AccessQuestion['subject']> = {}, object: AccessObject = RUN): AccessQuestion {
  return {
    subject: { principal: 'user:dev|ann', issuerAlias: 'dev', groups: [], ...change },
    right: 'can_view',
    object,
  };
}

function mapOf(...tuples: readonly (readonly [string, string, string])[]) {
  const map = createGrantMap();
  map.apply(
    tuples.map(([user, relation, object]) => ({ op: 'write', tuple: { user, relation, object, until: undefined } })),
  );
  return map;
}

const texts = (question: AccessQuestion, map = mapOf()) =>
  translate(question, map, { classes: true }).contextual.map(
    ({ user, relation, object }) => `${user} ${relation} ${object}`,
  );

describe('a question', () => {
  test('carries the facts of a run’s row, the owner only where it is the one who asks', () => {
    expect(texts(ask())).toEqual([
      'user:dev|ann owner run:unshared',
      'federation:@a/b federation run:unshared',
      'system:fedctl system federation:@a/b',
    ]);
    expect(texts(ask({ principal: 'user:dev|ben' }))).toEqual([
      'federation:@a/b federation run:unshared',
      'system:fedctl system federation:@a/b',
    ]);
  });

  test('carries the facts of a SuperNode, and the roles of everybody on its federation', () => {
    const node = { type: 'supernode', id: 'main/9', owner: 'user:dev|ann', federation: '@a/b' } as const;
    const asked = translate(ask({}, node), mapOf(), {
      classes: true,
      everybody: [{ federation: '@a/b', role: 'operator' }],
    });
    expect(asked.object).toBe('supernode:main%2F9');
    expect(asked.contextual.map(({ user, relation, object }) => `${user} ${relation} ${object}`)).toEqual([
      'user:dev|ann owner supernode:main%2F9',
      'federation:@a/b federation supernode:main%2F9',
      'system:fedctl system federation:@a/b',
      'user:dev|ann operator federation:@a/b',
    ]);
    expect(texts(ask({ principal: 'user:dev|ben' }, node))).not.toContain('user:dev|ann owner supernode:main%2F9');
  });

  test('names the run itself once a tuple does, or the stand-in, or nothing is known', () => {
    const object = (map: Parameters<typeof translate>[1], classes = true) => translate(ask(), map, { classes }).object;
    expect(object(mapOf())).toBe(UNSHARED_RUN);
    expect(object(mapOf(['user:dev|x', 'viewer', 'run:77']))).toBe(UNSHARED_RUN);
    expect(object(mapOf(['user:dev|x', 'viewer', 'run:7']))).toBe('run:7');
    expect(object(mapOf(['user:dev|x', 'viewer', UNSHARED_RUN]))).toBe('run:7');
    expect(object(undefined)).toBe('run:7');
    expect(object(mapOf(), false)).toBe('run:7');
  });

  test('has equal keys for the runs of one class and for no other', () => {
    const key = (question: AccessQuestion) => translate(question, mapOf(), { classes: true }).key;
    expect(key(ask())).toBe(key(ask({}, { ...RUN, id: 8n } as AccessObject)));
    const others = [
      ask({ principal: 'user:dev|ben' }),
      ask({}, { ...RUN, owner: 'user:dev|ben' } as AccessObject),
      ask({}, { ...RUN, federation: '@a/c' } as AccessObject),
      { ...ask(), right: 'can_stop' as const },
    ];
    expect(new Set([ask(), ...others].map(key)).size).toBe(5);
  });

  test('carries the groups that a stored tuple gives something to, each once, of the right issuer', () => {
    const map = mapOf(['group:claim|dev|a#member', 'viewer', 'run:1'], ['user:dev|x', 'member', 'group:claim|dev|b']);
    const groups = { groups: ['a', 'a', 'b', 'c'] };
    expect(texts(ask(groups), map)).toContain('user:dev|ann member group:claim|dev|a');
    expect(texts(ask(groups), map)).toHaveLength(4);
    expect(texts(ask({ ...groups, issuerAlias: 'other' }), map)).toHaveLength(3);
  });

  test('with too many groups is refused, with all that fit it is not', () => {
    const names = Array.from({ length: MAX_CONTEXTUAL - 2 }, (_, index) => `g${index}`);
    expect(translate(ask({ groups: names.slice(1) }), undefined, { classes: true }).contextual).toHaveLength(
      MAX_CONTEXTUAL,
    );
    expect(() => translate(ask({ groups: names }), undefined, { classes: true })).toThrow(/87/);
  });

  test.each(['user:*', 'group:x#member', 'user:a b', 'run:1', '', 'user:'])(
    'of %j as a person is refused or none of ours',
    (principal) => {
      const asked = () => translate(ask({ principal }), mapOf(), { classes: true });
      if (principal === 'group:x#member') expect(asked().contextual).toHaveLength(2);
      else expect(asked).toThrow();
    },
  );
});

describe('the map of grants', () => {
  const tuple = (user: string, until?: number): Tuple => ({ user, relation: 'viewer', object: 'run:1', until });

  test('forgets a name with its last tuple, and takes changes twice', () => {
    const map = createGrantMap();
    const write = (user: string) => ({ op: 'write' as const, tuple: tuple(user) });
    const remove = (user: string) => ({ op: 'delete' as const, tuple: tuple(user) });
    map.apply([write('group:a#member'), write('group:a#member'), write('user:b')]);
    expect([map.namesGroup('group:a'), map.namesRun('run:1')]).toEqual([true, true]);
    map.apply([remove('group:a#member')]);
    expect([map.namesGroup('group:a'), map.namesRun('run:1')]).toEqual([false, true]);
    map.apply([remove('user:b'), remove('user:b')]);
    expect(map.namesRun('run:1')).toBe(false);
  });

  test('knows the next end', () => {
    const map = createGrantMap();
    const write = (user: string, until?: number) => ({ op: 'write' as const, tuple: tuple(user, until) });
    map.apply([write('user:a', 30), write('user:b', 20), write('user:c')]);
    expect([10, 19, 20, 29, 30, 10].map(map.nextEnd)).toEqual([20, 20, 30, 30, undefined, 20]);
    map.apply([{ op: 'delete', tuple: tuple('user:b') }, write('user:a')]);
    expect(map.nextEnd(10)).toBeUndefined();
  });
});

describe('roles of everybody', () => {
  const everybody = [{ federation: '@lab/default', role: 'runner' }];
  const subject = { principal: 'user:idp|alice', issuerAlias: 'idp', groups: [] };
  const asked = (object: AccessObject, principal = subject.principal) =>
    translate({ subject: { ...subject, principal }, right: 'can_view', object }, undefined, {
      classes: false,
      everybody,
    }).contextual.filter(({ relation }) => relation === 'runner');

  test('go with questions on their federation and on its runs', () => {
    const tuple = { user: 'user:idp|alice', relation: 'runner', object: 'federation:@lab/default' };
    expect(asked({ type: 'federation', id: '@lab/default' })).toEqual([tuple]);
    expect(asked({ type: 'run', id: 1n, owner: 'user:idp|bob', federation: '@lab/default' })).toEqual([tuple]);
  });

  test('go with no other question, and machines are not everybody', () => {
    expect(asked({ type: 'federation', id: '@lab/other' })).toEqual([]);
    expect(asked({ type: 'system' })).toEqual([]);
    expect(asked({ type: 'federation', id: '@lab/default' }, 'service_account:ci|1')).toEqual([]);
  });
});
