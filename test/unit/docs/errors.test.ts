import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../..');

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'));
}

/** Reasons that stand in the code as `new AppError('CODE', 'REASON', ...)`. */
function reasonsIn(folder: string): string[] {
  const found = sources(folder).flatMap((text) => [
    ...text.matchAll(/AppError\(\s*'[A-Z_]+',\s*'([A-Z_]+)'/g),
    ...text.matchAll(/bundleError\(\s*'(BUNDLE_[A-Z_]+)'/g),
  ]);
  return [...new Set(found.map((match) => match[1] ?? ''))].sort();
}

function documented(file: string): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, 'docs', file), 'utf8');
  return new Set([...text.matchAll(/`([A-Z][A-Z_*]+)`/g)].map((match) => match[1] ?? ''));
}

test('every reason that the server gives is documented', () => {
  const reasons = reasonsIn('src/server');
  expect(reasons.length).toBeGreaterThan(50);
  const known = documented('errors-server.md');
  expect(reasons.filter((reason) => !known.has(reason))).toEqual([]);
});
