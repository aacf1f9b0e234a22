// docs/configuration.md from the settings table. With --check: fails if the file is stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { renderDocPage } from '../src/server/config/doc-page.ts';

const FILE = 'docs/configuration.md';
const page = renderDocPage();

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== page) {
    process.stderr.write(`${FILE} is stale: run node scripts/config-docs.mjs\n`);
    process.exitCode = 1;
  }
} else {
  mkdirSync('docs', { recursive: true });
  writeFileSync(FILE, page);
}
