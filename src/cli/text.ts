/**
 * Remote text made safe for a terminal (security.md T-21, T-22). What could act on the terminal is taken out whole:
 * ESC sequences (CSI, OSC, DCS, ...), C0 and C1 controls, DEL, bidirectional controls, zero-width and other invisible
 * format characters, lone surrogates.
 */

/** Sequences with their payload, so that no harmless-looking rest is left. 7-bit (ESC x) and 8-bit (C1) introducers. */
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  /(?:\u001b[PX\]^_]|[\u0090\u0098\u009d\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|$)|(?:\u001b\[|\u009b)[\u0030-\u003f]*[\u0020-\u002f]*[\u0040-\u007e]?|\u001b[\u0020-\u002f]*[\u0030-\u007e]?/g;

/** One left-over control or invisible character. \p{Cf} holds bidi controls, zero-width characters, tags and soft hyphens. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{115f}\u{1160}\u{3164}\u{ffa0}]/gu;
const INVISIBLE_BUT_LAYOUT = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{115f}\u{1160}\u{3164}\u{ffa0}]/gu;

/** Colour and weight only: `ESC [ digits ; digits m`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts the sequence
const SGR = /\u001b\[[0-9;]{0,32}m/g;

/** One line: controls become nothing, line breaks and tabs one space. */
export function safeLine(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(/[\r\n\t\u0085\u2028\u2029]+/g, ' ')
    .replace(INVISIBLE, '');
}

/** Several lines: as {@link safeLine}, but `\n` and `\t` stay. */
export function safeText(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(/\r\n?|\u0085|[\u2028\u2029]/g, '\n')
    .replace(INVISIBLE_BUT_LAYOUT, '');
}

/** Log text: as {@link safeText}; with `colour`, the sequences that set colour and weight stay. */
export function safeLog(text: string, colour: boolean): string {
  if (!colour) return safeText(text);
  let out = '';
  let from = 0;
  for (const match of text.matchAll(SGR)) {
    out += safeText(text.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return out + safeText(text.slice(from));
}

/**
 * Log text that comes in pieces: a sequence that is cut in two is held back until the rest is there, so that halves
 * can't pass one by one.
 */
export function logSanitizer(colour: boolean): (piece: string) => string {
  let held = '';
  return (piece) => {
    const text = held + piece;
    // An escape in the last 64 characters with no end in sight may go on in the next piece.
    const cut = Math.max(text.lastIndexOf('\u001b'), text.lastIndexOf('\r'));
    const open = cut >= 0 && text.length - cut < 64 && isOpen(text.slice(cut));
    held = open ? text.slice(cut) : '';
    return safeLog(open ? text.slice(0, cut) : text, colour);
  };
}

function isOpen(tail: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: tests for unfinished control sequences
  return /^(?:\r|\u001b(?:\[[\u0030-\u003f]*[\u0020-\u002f]*)?|\u001b[PX\]^_][^\u0007\u001b\u009c]*)$/.test(tail);
}
