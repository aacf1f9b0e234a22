import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { logSanitizer, safeLine, safeLog, safeText } from '../../../src/cli/text.ts';

/** Strings that would act on a terminal, and what may be left of them. */
const CORPUS: readonly (readonly [string, string, string])[] = [
  ['colour', '\u001b[31mred\u001b[0m', 'red'],
  ['screen cleared', '\u001b[2J\u001b[Hx', 'x'],
  ['OSC 0: title', '\u001b]0;owned\u0007x', 'x'],
  ['OSC 8: link', '\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\', 'click'],
  ['OSC 52: clipboard', '\u001b]52;c;ZXZpbA==\u0007x', 'x'],
  ['OSC without an end', 'x\u001b]52;c;ZXZpbA==', 'x'],
  ['DCS: DECRQSS', '\u001bP$q"p\u001b\\x', 'x'],
  ['APC, PM, SOS', '\u001b_a\u001b\\\u001b^b\u001b\\\u001bXc\u001b\\x', 'x'],
  ['8-bit CSI', '\u009b31mx', 'x'],
  ['8-bit OSC', '\u009d0;owned\u009cx', 'x'],
  ['full reset', '\u001bcx', 'x'],
  ['backspace over text', 'safe\b\b\b\bevil', 'safeevil'],
  ['bell, NUL, DEL', '\u0007\u0000\u007fx', 'x'],
  ['bidi override', 'abc\u202egpj.exe', 'abcgpj.exe'],
  ['bidi isolates', '\u2066a\u2069', 'a'],
  ['zero width', 'a\u200bb\u200dc\ufeffd\u2060e', 'abcde'],
  ['tags', 'a\u{e0041}b', 'ab'],
  ['soft hyphen', 'a\u00adb', 'ab'],
  ['invisible letters', 'a\u3164b', 'ab'],
  ['lone escape', 'a\u001b', 'a'],
  ['escape in an escape', '\u001b\u001b[31m[32mx', '[32mx'],
];

describe('T-21: remote text can not act on the terminal', () => {
  test.each(CORPUS)('%s', (_name, evil, safe) => {
    expect(safeLine(evil)).toBe(safe);
    expect(safeText(evil)).toBe(safe);
    expect(safeLog(evil, false)).toBe(safe);
  });

  test('T-22: one record stays one line', () => {
    expect(safeLine('ok\r\nError: forged\u2028more\u0085end')).toBe('ok Error: forged more end');
  });

  test('what is left is printable, for any input and any split', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none are left is the point
    const printable = /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f]*$/;
    const evil = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\u001b', '\u001b[', '\u001b]', '\u009b', 'm', '31', '\u0007', '\\'),
      ),
    );
    fc.assert(
      fc.property(evil, (pieces) => {
        expect(safeLine(pieces.join(''))).toMatch(/^[^\n\t]*$/);
        expect(safeText(pieces.join(''))).toMatch(printable);
        const clean = logSanitizer(false);
        expect(pieces.map(clean).join('')).toMatch(printable);
      }),
    );
  });

  test('T-48: long hostile input takes no time', () => {
    for (const unit of ['\u001b]', '\u001bP', '\u001b[', '\u001b[0;', '\r', '\u001b']) {
      const begin = performance.now();
      safeLog(unit.repeat(50_000), true);
      expect(performance.now() - begin).toBeLessThan(2_000);
    }
  });
});

describe('log text', () => {
  test('keeps lines and tabs; carriage returns become line ends', () => {
    expect(safeLog('a\tb\r\nc\rd\n', false)).toBe('a\tb\nc\nd\n');
  });

  test('on a terminal colours stay, everything else goes', () => {
    expect(safeLog('\u001b[1;92mINFO\u001b[0m \u001b[2Jx', true)).toBe('\u001b[1;92mINFO\u001b[0m x');
  });

  test('a sequence cut in two does not pass by halves', () => {
    const clean = logSanitizer(true);
    expect([clean('a\u001b]52;c;Z'), clean('XZpbA==\u0007b'), clean('\u001b[3'), clean('1mc')].join('')).toBe(
      'ab\u001b[31mc',
    );
  });

  test('a line end cut in two stays one', () => {
    const clean = logSanitizer(false);
    expect(clean('a\r') + clean('\nb')).toBe('a\nb');
  });
});
