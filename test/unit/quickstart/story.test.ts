import { describe, expect, test } from '@jest/globals';
import { quote } from '../../../src/quickstart/shell.ts';
import { assertLearning, runIdIn } from '../../../src/quickstart/story.ts';

describe('the quickstart', () => {
  test('finds the run id that run printed', () => {
    expect(runIdIn('note\nRun 18446744073709551615 of me/app is submitted to @dev/default.\n')).toBe(
      '18446744073709551615',
    );
    expect(() => runIdIn('Error: no\n')).toThrow(expect.objectContaining({ reason: 'QUICKSTART_STEP' }));
  });

  test('takes only a rising accuracy for learning', () => {
    const log = (...values: number[]) =>
      values.map((value, n) => `round ${n}  accuracy ${value.toFixed(3)}\n`).join('');
    expect(() => assertLearning(log(0.7, 0.9))).not.toThrow();
    for (const text of ['', log(0.9), log(0.9, 0.9), log(0.9, 0.7)]) {
      expect(() => assertLearning(text)).toThrow(expect.objectContaining({ reason: 'QUICKSTART_STEP' }));
    }
  });

  test('shows arguments as they would be typed', () => {
    expect(['run:1', '@dev/default', 'a b', "it's", '$HOME'].map(quote).join(' ')).toBe(
      `run:1 @dev/default 'a b' 'it'\\''s' '$HOME'`,
    );
  });
});
