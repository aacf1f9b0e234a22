import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { handleOf, suffixedHandle } from '../../../src/server/store/accounts.ts';

test('any name becomes a valid handle, with any suffix', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      (name, count) => {
        const handle = suffixedHandle(handleOf(name), count);
        expect(handle).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/);
        if (count > 1) expect(handle.endsWith(`-${count}`)).toBe(true);
      },
    ),
  );
});

test('a valid handle stays as it is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/), (name) => {
      expect(handleOf(name)).toBe(name);
    }),
  );
});
