import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { MAX_TOML_BYTES, parseToml, readTomlFile } from '../../../src/project/toml.ts';

describe('parseToml', () => {
  test('keeps integers (bigint) apart from floats (number), over 64 bits', () => {
    const table = parseToml('a = 1\nb = 1.0\nc = [2, 2.0]\nd = { e = 0x10, f = 1e0 }\ng = 9223372036854775807', 'f');
    expect(table).toEqual({ a: 1n, b: 1, c: [2n, 2], d: { e: 16n, f: 1 }, g: 9223372036854775807n });
    expect(() => parseToml('a = 9223372036854775808', 'f')).toThrow('64 bits');
  });

  test('names file, line and column', () => {
    expect(() => parseToml('a = 1\nb = = 2', 'dir/x.toml')).toThrow(/^dir\/x\.toml:2:5: /);
  });

  const probes = [
    '__proto__.x = 1',
    '[__proto__]\nx = 1',
    'constructor.x = 1',
    '[constructor]\nx = 1',
    '[a.constructor.prototype]\nx = 1',
    '[[prototype]]\nx = 1',
    'a = { "__proto__" = { x = 1 } }',
    '[toString]\nx = 1',
  ];
  test.each(probes)('T-26: refuses %j and pollutes nothing', (text) => {
    expect(() => parseToml(text, 'f')).toThrow('is not allowed');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect((Object as unknown as Record<string, unknown>).x).toBeUndefined();
    expect((Object.prototype.toString as unknown as Record<string, unknown>).x).toBeUndefined();
  });

  test('T-26: tables have no prototype', () => {
    expect(Object.getPrototypeOf(parseToml('[a]', 'f').a)).toBeNull();
  });

  const bombs = {
    arrays: `a = ${'['.repeat(100_000)}`,
    tables: `a = ${'{a='.repeat(60_000)}`,
    keys: `${'a.'.repeat(100_000)}b = 1`,
    header: `[${'a.'.repeat(100_000)}b]`,
    size: `a = "${'x'.repeat(MAX_TOML_BYTES)}"`,
  };
  test.each(Object.entries(bombs))('T-25: refuses a bomb of %s before parsing it', (_, text) => {
    const start = performance.now();
    expect(() => parseToml(text, 'f')).toThrow(/nested deeper|larger than/);
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('T-25: dots and brackets in strings and comments are no depth', () => {
    const text = `a = "${'['.repeat(100)}${'.'.repeat(100)}" # ${'['.repeat(100)}\nb = '''\n${'[\n'.repeat(100)}'''`;
    expect(Object.keys(parseToml(text, 'f'))).toEqual(['a', 'b']);
  });
});

describe('readTomlFile', () => {
  test('says what is wrong with the file, and nothing where there is none', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'toml-'));
    try {
      const file = join(dir, 'f.toml');
      expect(await readTomlFile(file)).toBeUndefined();
      await writeFile(file, Buffer.from([0x61, 0x3d, 0x22, 0xff, 0x22]));
      await expect(readTomlFile(file)).rejects.toMatchObject({ reason: 'CONFIG_SYNTAX' });
      await writeFile(file, 'x'.repeat(MAX_TOML_BYTES + 1));
      await expect(readTomlFile(file)).rejects.toMatchObject({ reason: 'CONFIG_TOO_LARGE' });
      await expect(readTomlFile(dir)).rejects.toMatchObject({ reason: 'CONFIG_UNREADABLE' });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
