import ignore from 'ignore';

/** True for the paths that a list of patterns selects. */
export type PathMatcher = (path: string) => boolean;

/**
 * Patterns as flwr reads them: gitignore's syntax, but the last pattern that matches a path decides, even below a folder
 * that an earlier one excluded. Git itself never looks into such a folder; so each pattern is asked on its own.
 */
export function matchPatterns(patterns: readonly string[]): PathMatcher {
  const rules = patterns.map((pattern) => {
    const negated = pattern.startsWith('!');
    const rule = ignore({ ignorecase: false, allowRelativePaths: true }).add(negated ? pattern.slice(1) : pattern);
    return { negated, matches: (path: string) => rule.ignores(path) };
  });
  return (path) => {
    const last = rules.findLast(({ matches }) => matches(path));
    return last !== undefined && !last.negated;
  };
}

/** The patterns of a `.gitignore`, without comments and blank lines. */
export function gitignorePatterns(text: string): readonly string[] {
  return text
    .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
