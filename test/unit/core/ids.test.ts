import { expect, test } from '@jest/globals';
import { ownedFederation } from '../../../src/core/ids.ts';

test("a federation's name alone is of its owner; whatever else is written stays, to be judged", () => {
  expect(ownedFederation('hearts', 'alice')).toBe('@alice/hearts');
  for (const text of ['@lab/hearts', '', 'a b', '../x', '@/x']) expect(ownedFederation(text, 'alice')).toBe(text);
});
