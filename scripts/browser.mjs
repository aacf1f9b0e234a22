// The pages of a login in a real Chromium; the result goes into docs/proof.md. Arguments go to jest (then the docs are left
// alone).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FLOWER_VERSION, findFlower } from '../dist/dev/tools/flower.js';
import { findOpenFga } from '../dist/dev/tools/openfga.js';
import { writeProof } from './proof.mjs';

const progress = (line) => process.stderr.write(`${line}\n`);
const { env } = process;
const openfga = await findOpenFga({ progress, env });
const flower = await findFlower({ version: FLOWER_VERSION, progress, env });

const folder = mkdtempSync(join(tmpdir(), 'fedctl-browser-report-'));
const report = join(folder, 'report.json');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const only = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  // One file after the other: each has a browser of its own.
  [...jest, '--selectProjects', 'browser', '--runInBand', ...only, '--json', '--outputFile', report],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...env, FEDCTL_OPENFGA: openfga, FEDCTL_FLOWER: dirname(flower.bin) },
  },
);
const result = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });
if (only.length === 0) writeProof('browser', result);
process.stdout.write(`${result.numPassedTests} passed, ${result.numFailedTests} failed\n`);
process.exitCode = status ?? 1;
