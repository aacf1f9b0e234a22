import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../..');

interface Manifest {
  readonly commands: Record<
    string,
    {
      readonly args: Record<string, { readonly required?: boolean }>;
      readonly flags: Record<
        string,
        { readonly type: string; readonly char?: string; readonly options?: string[]; readonly multiple?: boolean }
      >;
    }
  >;
}

/** What scripts rely on: names of commands, arguments in order, flags with letter, kind and choices. */
function contract({ commands }: Manifest) {
  const entries = Object.entries(commands).map(([id, { args, flags }]) => {
    const argument = ([name, { required }]: [string, { required?: boolean }]) => (required ? name : `[${name}]`);
    const flag = ([name, { type, char, options, multiple }]: [string, Manifest['commands'][string]['flags'][string]]) =>
      [
        char === undefined ? `--${name}` : `-${char}, --${name}`,
        type,
        options?.join('|'),
        multiple ? 'multiple' : undefined,
      ]
        .filter((part) => part !== undefined)
        .join(' ');
    return [id, { args: Object.entries(args).map(argument), flags: Object.entries(flags).map(flag).sort() }] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function read(path: string): never {
  return JSON.parse(readFileSync(path, 'utf8')) as never;
}

describe('the command line as a contract', () => {
  test('no command, argument or flag changes without commands.golden.json saying so', () => {
    const golden = join(import.meta.dirname, 'commands.golden.json');
    expect(contract(read(join(ROOT, '.oclif.manifest.json')))).toEqual(read(golden));
  });

  test('every command has a description and an example', () => {
    const { commands } = read(join(ROOT, '.oclif.manifest.json')) as {
      commands: Record<string, { description?: string; examples?: unknown[] }>;
    };
    const bare = Object.entries(commands).filter(([, { description, examples }]) => !description || !examples?.length);
    expect(bare.map(([id]) => id)).toEqual([]);
  });

  test('a description breaks its lines at the end of a sentence only: help wraps the rest', () => {
    const { commands } = read(join(ROOT, '.oclif.manifest.json')) as {
      commands: Record<string, { description: string }>;
    };
    const broken = Object.entries(commands).filter(([, { description }]) => /[^.:?\n]\n(?!\n)/.test(description));
    expect(broken.map(([id]) => id)).toEqual([]);
  });
});
