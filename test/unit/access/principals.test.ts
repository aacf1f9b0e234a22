import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { claimGroup, encodeId, localGroup, objectId, userPrincipal } from '../../../src/core/principals.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    '*',
    ':',
    '#',
    '@',
    ' ',
    '\n',
    '%',
    '%2A',
    '|',
    'h|',
    'a\u0000b',
    '\ud800',
    '%uD800',
    'ö',
    'o\u0308',
  ),
);
const alias = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);

describe('T-32: ids made of texts from outside', () => {
  test('hold nothing that OpenFGA reads as structure', () => {
    fc.assert(
      fc.property(anyText, (text) => expect(encodeId(text)).toMatch(/^(h\|[0-9a-f]{64}|[A-Za-z0-9._%-]{0,400})$/)),
    );
  });

  test('are equal only for equal texts', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(encodeId(one) === encodeId(other)).toBe(one === other);
        expect(localGroup(one) === localGroup(other)).toBe(one === other);
      }),
    );
  });

  test('of people and groups are equal only for equal issuer and text', () => {
    const pair = fc.tuple(fc.oneof(alias, anyText), anyText);
    fc.assert(
      fc.property(pair, pair, ([a, one], [b, other]) => {
        const same = a === b && one === other;
        expect(userPrincipal(a, one) === userPrincipal(b, other)).toBe(same);
        expect(claimGroup(a, one) === claimGroup(b, other)).toBe(same);
        expect(claimGroup(a, one)).not.toBe(localGroup(other));
      }),
    );
  });

  test('fit: 512 characters as user, 256 as object', () => {
    fc.assert(
      fc.property(fc.oneof(alias, anyText), anyText, (issuer, text) => {
        expect(userPrincipal(issuer, text).length).toBeLessThanOrEqual(512);
        expect(claimGroup(issuer, text).length).toBeLessThanOrEqual(256);
        expect(objectId({ type: 'group', name: text }).length).toBeLessThanOrEqual(256);
      }),
    );
  });

  test('leave usual subjects and aliases readable', () => {
    expect(userPrincipal('dev', 'alice')).toBe('user:dev|alice');
    expect(userPrincipal('corp-entra', '8c1f2b3e-77aa-4b0e-9b43-000000000001')).toBe(
      'user:corp-entra|8c1f2b3e-77aa-4b0e-9b43-000000000001',
    );
    expect(userPrincipal('google', 'ann@example.org')).toBe('user:google|ann%40example.org');
    expect(claimGroup('dev', '/team/onc')).toBe('group:claim|dev|%2Fteam%2Fonc');
  });

  test('T-36: run ids keep all 64 bits', () => {
    for (const id of [0n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      expect(objectId({ type: 'run', id, owner: '', federation: '' })).toBe(`run:${id}`);
    }
  });
});
