/** Letters of a code; its hyphen stands in the middle. */
const HALF = 4;

/**
 * A code as it is shown, from what a person typed: in small letters, with spaces, without the hyphen. Undefined where it
 * can be none, so that a slip of the finger costs no attempt.
 */
export function readUserCode(typed: string): string | undefined {
  if (typed.length > 64) return undefined;
  const letters = typed.replace(/[\s\p{Pd}]/gu, '').toUpperCase();
  if (!/^[A-Z0-9]{8}$/.test(letters)) return undefined;
  return `${letters.slice(0, HALF)}-${letters.slice(HALF)}`;
}
