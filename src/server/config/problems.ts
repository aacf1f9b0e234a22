import { editDistance } from '../../core/edit-distance.ts';
import { AppError } from '../../core/errors.ts';

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** "server.tls-cert", "oidc[0]", or "" for the file as a whole. */
  readonly path: string;
  /** What is wrong, as the end of a sentence that starts with the key: "must be ...", "is missing". */
  readonly problem: string;
  /** A name that was probably meant. */
  readonly suggestion?: string;
}

/**
 * All problems as one error: a line each, by key and line number, in the order of the file.
 * @returns INVALID_ARGUMENT CONFIG_INVALID
 */
export function configError(file: string, problems: readonly Problem[], lines: ReadonlyMap<string, number>): AppError {
  const placed = problems.map((one) => ({ one, line: lineOf(one.path, lines) }));
  placed.sort((a, b) => (a.line ?? Number.MAX_SAFE_INTEGER) - (b.line ?? Number.MAX_SAFE_INTEGER));
  const text = placed.map(({ one, line }) => `${line === undefined ? file : `${file}:${line}`}: ${sentence(one)}`);
  return new AppError('INVALID_ARGUMENT', 'CONFIG_INVALID', text.join('\n'), {
    hint: 'All settings are described in docs/configuration.md.',
  });
}

/** The line of the key, else that of its table: a missing key has none. */
function lineOf(path: string, lines: ReadonlyMap<string, number>): number | undefined {
  const table = (one: string) => one.slice(0, Math.max(0, one.lastIndexOf('.')));
  // One table of several may stand with single or double brackets.
  const other = path.replace(/^(\w+)\./, '$1[0].');
  return lines.get(path) ?? lines.get(other) ?? lines.get(table(path)) ?? lines.get(table(other));
}

function sentence({ path, problem, suggestion }: Problem): string {
  const hint = suggestion === undefined ? '' : ` Did you mean ${suggestion}?`;
  return `${subject(path)}${problem}.${hint}`;
}

/** "oidc[1].issuer" -> "[[oidc]] issuer ", "server.tls-cert" -> "[server] tls-cert " */
function subject(path: string): string {
  if (path === '') return '';
  const [table = '', key] = path.split(/\.(.*)/s);
  const repeated = /^(.*)\[\d+\]$/.exec(table);
  const shown = repeated ? `[[${printable(repeated[1] ?? '')}]]` : `[${printable(table)}]`;
  return key === undefined ? `${shown} ` : `${shown} ${printable(key)} `;
}

/** Keys come from a file: nothing of them may steer a terminal. */
function printable(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return /^[\w.\-[\]]*$/.test(short) ? short : JSON.stringify(short).replace(/[^\x20-\x7e]/g, '?');
}

/** The candidate with the smallest edit distance to `name`, if it is at most a third of its length (at least 2). */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const plain = name.toLowerCase().replaceAll('_', '-');
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}
