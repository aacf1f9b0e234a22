// Every way to log in, against a real Keycloak; its result goes into docs/proof.md. Arguments go to jest (then the docs
// are left alone).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FLOWER_VERSION, findFlower } from '../dist/dev/tools/flower.js';
import { findOpenFga } from '../dist/dev/tools/openfga.js';
import { writeProof } from './proof.mjs';

const progress = (line) => process.stderr.write(`${line}\n`);
const { env } = process;
const openfga = await findOpenFga({ progress, env });
const flower = await findFlower({ version: FLOWER_VERSION, progress, env });

const folder = mkdtempSync(join(tmpdir(), 'fedctl-keycloak-'));
const report = join(folder, 'report.json');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const only = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  // One file after the other: some stop Keycloak.
  [...jest, '--selectProjects', 'keycloak', '--runInBand', '--forceExit', ...only, '--json', '--outputFile', report],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...env, FEDCTL_OPENFGA: openfga, FEDCTL_FLOWER: dirname(flower.bin) },
  },
);
if (!existsSync(report)) throw new Error('Nothing was tested: see above.');
const result = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });
if (only.length === 0) writeProof('keycloak', result);
process.stdout.write(`${result.numPassedTests} passed, ${result.numFailedTests} failed\n`);
process.exitCode = status ?? 1;
