import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { flatYaml } from '../../../src/cli/flwr-store.ts';

const long = `flower.account-auth.${'x'.repeat(100)}:1`;

describe('flatYaml', () => {
  test('reads what PyYAML writes: plain, quoted and long keys', () => {
    const text = [
      "'flower.account-auth.#a b: c:1.authn-type': '12'",
      'flower.account-auth.[::1]:1.authn-type: b2lkYw==',
      `flower.account-auth.localhost:1.oidc-access-token: ${'A'.repeat(300)}`,
      `? ${long}.authn-type`,
      ': b2lkYw==',
      `? ${long}.oidc-access-token`,
      ': QkI=',
      "k: '='",
      "y: ''",
      'd: "a\\"b"',
      "s: 'it''s'",
      '',
    ].join('\n');
    expect(Object.fromEntries(flatYaml(text))).toEqual({
      'flower.account-auth.#a b: c:1.authn-type': '12',
      'flower.account-auth.[::1]:1.authn-type': 'b2lkYw==',
      'flower.account-auth.localhost:1.oidc-access-token': 'A'.repeat(300),
      [`${long}.authn-type`]: 'b2lkYw==',
      [`${long}.oidc-access-token`]: 'QkI=',
      k: '=',
      y: '',
      d: 'a"b',
      s: "it's",
    });
  });

  test.each(['{}\n', '', '# nothing\n', '- a\n- b\n', '? a\n', ': b\n', 'a: &x b\n? k\nother: 1\n: 2\n'])(
    '%j holds no more than it says',
    (text) => {
      const pairs = flatYaml(text);
      expect(pairs.has('k')).toBe(false);
      expect(pairs.size).toBeLessThan(3);
    },
  );

  test('survives anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ':', ' ', "'", '"', '?', '\n', '\\', '#', '{') }), (text) => {
        expect(flatYaml(text)).toBeInstanceOf(Map);
      }),
      { numRuns: 2_000 },
    );
  });
});
