import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const SRC = join(import.meta.dirname, '../../../src');

/** Which area may import which; an area that is not listed may import nothing but itself. Longest prefix wins. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  gen: [],
  project: ['core'],
  credentials: ['core'],
  flower: ['core', 'gen'],
  client: ['core', 'gen', 'flower', 'credentials', 'project'],
  cli: ['core', 'gen', 'project', 'credentials', 'client'],
  commands: ['core', 'cli', 'project', 'credentials', 'client'],
  agent: ['core', 'credentials'],
  'commands/agent.ts': ['core', 'cli', 'agent', 'project', 'credentials', 'client'],
  'commands/agent': ['core', 'cli', 'agent', 'project', 'credentials', 'client'],
  'commands/server': ['core', 'cli', 'server'],
  'commands/dev.ts': ['core', 'cli', 'dev'],
  'bin.ts': ['cli'],
  dev: ['core', 'server/main.ts', 'server/config', 'server/identity', 'server/ops', 'project', 'cli'],
  quickstart: ['core', 'dev', 'cli'],
  'quickstart.ts': ['core', 'dev', 'cli', 'quickstart'],
  // The files beside the folders put the parts together: main, parts, bootstrap, ...
  server: ['core', 'gen', 'server'],
  'server/config': ['core'],
  'server/ops': ['core', 'server/config', 'server/transport'],
  'server/transport': ['core', 'gen', 'server/config', 'server/rpc'],
  'server/rpc': ['core', 'gen'],
  'server/identity': ['core'],
  'server/access': ['core'],
  'server/federations': ['core'],
  'server/runs': ['core'],
  'server/engine': ['core', 'gen', 'flower'],
  'server/store': ['core'],
  'server/audit': ['core'],
  'server/nodes': ['core'],
  'server/artifacts': ['core', 'server/transport'],
  'server/portal': ['core', 'server/transport', 'server/rpc/methods.ts'],
};

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => normalize(name));
}

function areaOf(file: string): string {
  const areas = Object.keys(ALLOWED).filter((area) => file === area || file.startsWith(`${area}/`));
  return areas.sort((a, b) => b.length - a.length)[0] ?? file;
}

function imports(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map((match) =>
    normalize(join(dirname(file), match[1] ?? '')),
  );
}

const edges = files(SRC).flatMap((file) => imports(file).map((target) => ({ file, target })));

describe('imports go one way', () => {
  test('the scan finds the imports it is meant to judge', () => {
    expect(edges.length).toBeGreaterThan(100);
  });

  test('every import is one that the table of areas allows', () => {
    const offences = edges.filter(({ file, target }) => {
      const from = areaOf(file);
      if (target === from || target.startsWith(`${from}/`)) return false;
      return !(ALLOWED[from] ?? []).some((area) => target === area || target.startsWith(`${area}/`));
    });
    expect(offences.map(({ file, target }) => `${file} -> ${target}`)).toEqual([]);
  });

  test('core imports nothing but itself and Node', () => {
    const foreign = files(join(SRC, 'core')).flatMap((name) => {
      const text = readFileSync(join(SRC, 'core', name), 'utf8');
      return [...text.matchAll(/from '([^'.][^']*)'/g)]
        .map((match) => match[1] ?? '')
        .filter((from) => !from.startsWith('node:'));
    });
    expect(foreign).toEqual([]);
  });

  test('no file of ours grows past its purpose', () => {
    const large = files(SRC)
      .filter((file) => !file.startsWith('gen/'))
      .map((file) => ({ file, lines: readFileSync(join(SRC, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 300);
    expect(large).toEqual([]);
  });

  test('relative paths stay inside src', () => {
    expect(edges.filter(({ target }) => relative('.', target).startsWith('..'))).toEqual([]);
  });
});
