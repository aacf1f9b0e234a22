// Runs jest with the tools that the tests need: OpenFGA and Flower are found, or fetched into the per-user cache, before
// the first test, so that no test waits for an installation. Arguments go to jest.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { FLOWER_VERSION, findFlower } from '../dist/dev/tools/flower.js';
import { findOpenFga } from '../dist/dev/tools/openfga.js';

/** Releases of Flower that single tests need beside the default one. */
const OTHER_RELEASES = ['1.22.0', '1.24.0', '1.25.0', '1.26.1', '1.27.0', '1.41.0'];

const progress = (line) => process.stderr.write(`${line}\n`);
const { env } = process;
const openfga = await findOpenFga({ progress, env });
const flower = await findFlower({ version: FLOWER_VERSION, progress, env });
// The tests find these in the per-user cache; FEDCTL_FLOWER names the default release alone.
const { FEDCTL_FLOWER: _, ...others } = env;
for (const version of OTHER_RELEASES) await findFlower({ version, progress, env: others });

const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const { status } = spawnSync(process.execPath, [...jest, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...env, FEDCTL_OPENFGA: openfga, FEDCTL_FLOWER: dirname(flower.bin) },
});
process.exitCode = status ?? 1;
