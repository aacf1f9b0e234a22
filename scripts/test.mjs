// Runs jest with the tools that the tests need: OpenFGA and Flower are found, or fetched into the per-user cache, before
// the first test, so that no test waits for an installation. Arguments go to jest.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { FLOWER_VERSION, findFlower } from '../dist/dev/tools/flower.js';
import { findOpenFga } from '../dist/dev/tools/openfga.js';

const progress = (line) => process.stderr.write(`${line}\n`);
const { env } = process;
const openfga = await findOpenFga({ progress, env });
const flower = await findFlower({ version: FLOWER_VERSION, progress, env });

const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const { status } = spawnSync(process.execPath, [...jest, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...env, FEDCTL_OPENFGA: openfga, FEDCTL_FLOWER: dirname(flower.bin) },
});
process.exitCode = status ?? 1;
