// .oclif.manifest.json from the compiled commands: oclif starts without loading them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = '.oclif.manifest.json';
execFileSync('node_modules/.bin/oclif', ['manifest'], { stdio: ['ignore', 'ignore', 'inherit'] });
// One form, whatever version of oclif wrote it, so that a difference means a change.
writeFileSync(FILE, `${JSON.stringify(JSON.parse(readFileSync(FILE, 'utf8')), null, 2)}\n`);
