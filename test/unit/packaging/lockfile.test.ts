import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';

interface Entry {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

const packages = readLock();

test('the lock names every optional dependency, also of other platforms: npm 11 refuses to install from it otherwise', async () => {
  const known = await packages;
  const missing = Object.entries(known).flatMap(([at, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => known[`node_modules/${name}`] === undefined && known[`${at}/node_modules/${name}`] === undefined,
    ),
  );
  expect(missing).toEqual([]);
});

test('the lock names no registry: everybody installs from their own', async () => {
  const named = Object.entries(await packages).filter(([, { resolved }]) => resolved !== undefined);
  expect(named).toEqual([]);
});

async function readLock(): Promise<Readonly<Record<string, Entry>>> {
  const file = resolve(import.meta.dirname, '../../../package-lock.json');
  return JSON.parse(await readFile(file, 'utf8')).packages;
}
