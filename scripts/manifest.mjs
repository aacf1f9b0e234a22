// .oclif.manifest.json from the compiled commands: oclif starts without loading them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = '.oclif.manifest.json';
execFileSync('node_modules/.bin/oclif', ['manifest'], { stdio: ['ignore', 'ignore', 'inherit'] });
const manifest = JSON.parse(readFileSync(FILE, 'utf8'));
// oclif lists folders in the order in which they were read, which changes from run to run.
const commands = Object.fromEntries(Object.entries(manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)));
// One form, whatever version of oclif wrote it, so that a difference means a change.
writeFileSync(FILE, `${JSON.stringify({ ...manifest, commands }, null, 2)}\n`);
