import { randomInt } from 'node:crypto';

/** RFC 8628 section 6.1: no vowels, so no words; nothing that is mistaken for something else. 20^8 codes are 34.6 bits. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** A user code as it is stored: 8 letters. */
export function newUserCode(): string {
  return Array.from({ length: LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}

/** As it is shown: XXXX-XXXX. */
export function showUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/** The code that somebody typed, whatever the case and whatever stands between the letters; undefined where it can be none. */
export function parseUserCode(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const letters = text.replace(/[\s\p{P}]/gu, '').toUpperCase();
  return letters.length === LENGTH && [...letters].every((letter) => LETTERS.includes(letter)) ? letters : undefined;
}
