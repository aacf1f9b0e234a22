import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { RunConfig } from '../../../src/core/runs.ts';
import { parseOverrides } from '../../../src/project/overrides.ts';

const base: RunConfig = { lr: 0.1, rounds: 3n, note: '', on: false, 'a.b': 1n, 'a.c': 2n };
const parse = (values: readonly string[], known: RunConfig | undefined = base) =>
  parseOverrides({ option: '--run-config', values, cwd: tmpdir(), base: known });

describe('parseOverrides', () => {
  test('reads pairs with TOML types; later values win; nested keys are joined', async () => {
    const values = [`lr=1.0 rounds=5 note="a b" on=true`, `note='x=y'`, 'a.b=7', 'a.c=8', ''];
    expect({ ...(await parse(values)) }).toEqual({ lr: 1, rounds: 5n, note: 'x=y', on: true, 'a.b': 7n, 'a.c': 8n });
  });

  const bad: [string[], RegExp][] = [
    [['lr=1 junk rounds=2'], /"junk" is no key=value/],
    [['lr = 1'], /is no key=value/],
    [['note=hello'], /can't be read as TOML values/],
    [['lr=[1,2]'], /must be an integer, float, boolean or string, not an array/],
    [['lr=2024-01-01'], /not a date/],
    [['lr=1 lr=2'], /can't be read/],
    [['x.toml', 'lr=1'], /can't be mixed/],
    [['missing.toml'], /there is no file/],
    [['round=1'], /has no key "round"/],
    [['__proto__.x=1'], /can't be read/],
  ];
  test.each(bad)('%j is refused by name', async (values, message) => {
    await expect(parse(values)).rejects.toThrow(message);
  });

  test('an unknown key brings near matches', async () => {
    await expect(parse(['round=1'])).rejects.toMatchObject({ hint: 'Did you mean rounds?' });
  });

  test('one TOML file is flattened', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'overrides-'));
    const file = join(dir, 'o.toml');
    await writeFile(file, 'lr = 0.5\n[a]\nb = 3\n');
    expect({ ...(await parse([file])) }).toEqual({ lr: 0.5, 'a.b': 3n });
    await rm(dir, { recursive: true });
  });

  test('without a base any key goes', async () => {
    expect({
      ...(await parseOverrides({
        option: '--federation-config',
        values: ['num-supernodes=4'],
        cwd: '/',
        base: undefined,
      })),
    }).toEqual({
      'num-supernodes': 4n,
    });
  });
});
