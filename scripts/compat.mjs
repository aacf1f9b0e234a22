// Runs what unmodified releases of Flower and fedctl must be able to do with each other, prints it as tables, and writes
// them into docs/compatibility.md. Arguments: releases of flwr to try instead (then the docs are left alone).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FLOWER_VERSION, findFlower } from '../dist/dev/tools/flower.js';
import { findOpenFga } from '../dist/dev/tools/openfga.js';

const DOCS = 'docs/compatibility.md';
const BEGIN = '<!-- results: begin -->';
const END = '<!-- results: end -->';
/** Characters of a column's title. */
const WIDEST = 24;

const releases = process.argv.slice(2);
const wrong = releases.find((release) => !/^1\.\d{1,3}\.\d{1,3}$/.test(release));
if (wrong) throw new Error(`${wrong} is no release of Flower, such as 1.32.1`);

const progress = (line) => process.stderr.write(`${line}\n`);
const { env } = process;
const openfga = await findOpenFga({ progress, env });
const flower = await findFlower({ version: FLOWER_VERSION, progress, env });

const folder = mkdtempSync(join(tmpdir(), 'fedctl-compat-'));
const report = join(folder, 'report.json');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const only = releases.length > 0 ? ['--testPathPatterns', 'compat/clients'] : [];
const { status } = spawnSync(
  process.execPath,
  // One file after the other: they measure how long things take before they call it a hang.
  [...jest, '--selectProjects', 'compat', '--runInBand', ...only, '--json', '--outputFile', report],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...env,
      FEDCTL_OPENFGA: openfga,
      FEDCTL_FLOWER: dirname(flower.bin),
      ...(releases.length > 0 && { FEDCTL_COMPAT_RELEASES: releases.join(',') }),
    },
  },
);
const { testResults, numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });

const tables = tablesOf(testResults);
process.stdout.write(`${tables}\n\n${numPassedTests} passed, ${numFailedTests} failed\n`);
if (releases.length === 0) {
  const [before, rest] = readFileSync(DOCS, 'utf8').split(BEGIN);
  const date = new Date().toISOString().slice(0, 10);
  const text = `Last run: ${date}, ${numPassedTests} passed, ${numFailedTests} failed.\n\n${tables}`;
  writeFileSync(DOCS, `${before}${BEGIN}\n\n${text}\n\n${END}${rest.split(END)[1]}`);
}
process.exitCode = status ?? 1;

/** One table for each kind of subject: "flwr 1.25.0" and "flwr 1.32.1" are rows of the same. */
function tablesOf(files) {
  const kinds = new Map();
  for (const { assertionResults } of files) {
    for (const { ancestorTitles, title, status: outcome } of assertionResults) {
      const [subject = ''] = ancestorTitles;
      const [, kind, release] = /^(.*) (\d+\.\d+\.\d+)$/.exec(subject) ?? [];
      if (!kind) continue;
      const rows = kinds.get(kind) ?? kinds.set(kind, new Map()).get(kind);
      const row = rows.get(release) ?? rows.set(release, new Map()).get(release);
      row.set(title, outcome === 'passed' ? 'yes' : outcome === 'failed' ? '**no**' : '-');
    }
  }
  const [tables, lines] = [[], []];
  for (const [kind, rows] of kinds) {
    const isNarrow = [...rows.values()].every((row) => [...row.keys()].every((title) => title.length <= WIDEST));
    if (isNarrow) tables.push(table(kind, rows));
    else for (const [release, row] of rows) lines.push(counted(`${kind} ${release}`, [...row.values()]));
  }
  return [...tables, lines.join('\n')].join('\n\n');
}

/** Titles that make no columns. */
function counted(subject, outcomes) {
  return `- ${subject}: ${outcomes.filter((outcome) => outcome === 'yes').length} of ${outcomes.length}`;
}

function table(kind, rows) {
  const columns = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))];
  const lines = [
    [kind, ...columns],
    ['---', ...columns.map(() => '---')],
    ...[...rows].map(([release, row]) => [release, ...columns.map((column) => row.get(column) ?? '-')]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
