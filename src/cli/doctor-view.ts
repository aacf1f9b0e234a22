import type { Finding } from './finding.ts';

/** A line per finding, its next step below it. With `width` longer ones go on below, at the same column. */
export function findingLines(findings: readonly Finding[], width?: number): string[] {
  const size = Math.max(...findings.map(({ name }) => name.length));
  const indent = ' '.repeat(size + 8);
  const room = Math.max(24, (width ?? Number.POSITIVE_INFINITY) - indent.length);
  return findings.flatMap(({ name, state, text, hint }) => {
    const [first = '', ...more] = wrapWords(text, room);
    const below = [...more, ...(hint === undefined ? [] : wrapWords(hint, room))];
    return [`${state.padEnd(4)}  ${name.padEnd(size)}  ${first}`, ...below.map((line) => indent + line)];
  });
}

/** Lines of at most `room` characters; words that are longer, such as paths, stay whole, but for fingerprints. */
function wrapWords(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').flatMap((whole) => (whole.length > room ? breakPairs(whole, room) : [whole]))) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A fingerprint (AA:BB:...) breaks after a colon, into lines of 16 or 8 bytes, to be compared. */
function breakPairs(word: string, room: number): string[] {
  if (!/^[0-9A-F]{2}(:[0-9A-F]{2}){15,}[.,;]?$/i.test(word)) return [word];
  const size = 3 * (room >= 3 * 16 ? 16 : 8);
  return Array.from({ length: Math.ceil(word.length / size) }, (_, at) => word.slice(at * size, (at + 1) * size));
}

/** The keys of a failure (cli/failure.ts) for the first thing that fails; none where all is well. */
export function failureOf(findings: readonly Finding[]) {
  const first = findings.find(({ state }) => state === 'fail');
  if (first === undefined) return {};
  const message = `${first.name}: ${first.text}`;
  return { 'error-message': message, error: { code: 'UNHEALTHY', message, hint: first.hint ?? null } };
}
