// What a suite of its own found, as a list in its section of docs/proof.md.
import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = 'docs/proof.md';

/** The report that jest wrote (`--json`) as lines: a list for each describe block. */
export function listOf({ testResults }) {
  const groups = new Map();
  for (const { ancestorTitles, title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const group = ancestorTitles.join(': ');
    const rows = groups.get(group) ?? groups.set(group, []).get(group);
    rows.push(`- ${{ passed: 'yes', failed: '**no**' }[status] ?? 'not run'}: ${title}`);
  }
  return [...groups].map(([group, rows]) => [`**${group}**`, '', ...rows].join('\n')).join('\n\n');
}

/** Puts the result between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
export function writeProof(name, report) {
  const page = readFileSync(PAGE, 'utf8');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${PAGE} has no section ${name}`);
  const date = new Date().toISOString().slice(0, 10);
  const { numPassedTests, numFailedTests } = report;
  const text = `Last run: ${date}, ${numPassedTests} passed, ${numFailedTests} failed.\n\n${listOf(report)}`;
  writeFileSync(PAGE, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}
