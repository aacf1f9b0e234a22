// Races of many processes and deaths in the middle of a write; the result goes into docs/proof.md. Arguments go to jest
// (then the docs are left alone).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOpenFga } from '../dist/dev/tools/openfga.js';
import { writeProof } from './proof.mjs';

const { env } = process;
const openfga = await findOpenFga({ progress: (line) => process.stderr.write(`${line}\n`), env });

const folder = mkdtempSync(join(tmpdir(), 'fedctl-slow-'));
const [report, figures] = [join(folder, 'report.json'), join(folder, 'figures.jsonl')];
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const only = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  // One file after the other: each uses all that the machine has.
  [...jest, '--selectProjects', 'slow', '--runInBand', ...only, '--json', '--outputFile', report],
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...env, FEDCTL_OPENFGA: openfga, FEDCTL_SLOW_FIGURES: figures } },
);
const result = JSON.parse(readFileSync(report, 'utf8'));
const told = existsSync(figures) ? readFileSync(figures, 'utf8').trim().split('\n').map(JSON.parse) : [];
rmSync(folder, { recursive: true });
for (const test of result.testResults.flatMap(({ assertionResults }) => assertionResults)) {
  const own = told.filter(({ name }) => name === test.fullName).map((one) => one.figures);
  if (own.length > 0) test.title += ` (${own.join('; ')})`;
}
if (only.length === 0) writeProof('slow', result);
for (const { name, figures: text } of told) process.stdout.write(`${name}: ${text}\n`);
process.stdout.write(`${result.numPassedTests} passed, ${result.numFailedTests} failed\n`);
process.exitCode = status ?? 1;
