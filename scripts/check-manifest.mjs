// The committed manifest must be what the compiled commands say: writes it anew and compares.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = '.oclif.manifest.json';
const before = readFileSync(FILE, 'utf8');
execFileSync('node', ['scripts/manifest.mjs'], { stdio: 'inherit' });
const after = readFileSync(FILE, 'utf8');
if (before === after) {
  process.stdout.write('The command manifest is fresh.\n');
} else {
  writeFileSync(FILE, before);
  process.stderr.write(`${FILE} is not fresh. Run "npm run manifest" and commit it.\n`);
  process.exit(1);
}
