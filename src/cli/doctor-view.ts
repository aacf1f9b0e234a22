import type { Finding } from './finding.ts';

/** A line per finding, its next step below it. */
export function findingLines(findings: readonly Finding[]): string[] {
  const size = Math.max(...findings.map(({ name }) => name.length));
  return findings.flatMap(({ name, state, text, hint }) => {
    const line = `${state.padEnd(4)}  ${name.padEnd(size)}  ${text}`;
    return hint === undefined ? [line] : [line, `${' '.repeat(size + 8)}${hint}`];
  });
}
