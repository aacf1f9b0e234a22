import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Person } from '../../support/people.ts';

export interface Failure {
  /** The reason, such as RUN_NOT_FOUND. */
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

/** What is wrong, at most with its parts below each other, then what to do where the sentence does not say it. */
const ONE_SENTENCE = /^Error: [^\n]+(\n {2}[^\n]+)*\n([^\n]+\n)?$/;

/**
 * SHA-256 of every file below a folder, by path: what a command that fails must leave as it is. `.flwr/.gitignore` may
 * appear: `login` makes sure that a login could be kept before it asks for one.
 */
export function fingerprint(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== '.gitignore',
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      return [file, createHash('sha256').update(readFileSync(file)).digest('hex')];
    }),
  );
}

/**
 * Runs a command that must fail, for people and for scripts: this exit code, one sentence with its next step on stderr,
 * one document with the same on stdout, and no file of that person changed.
 */
export async function expectFailure(person: Person, code: number, ...args: string[]): Promise<Failure> {
  const before = fingerprint(person.home);
  const [text, script] = await Promise.all([person.fedctl(...args), person.fedctl(...args, '--json')]);
  expect({ args, text: text.stderr, code: text.code }).toEqual({
    args,
    text: expect.stringMatching(ONE_SENTENCE),
    code,
  });
  expect({ args, ...script }).toMatchObject({ args, code, stderr: '' });
  const document = JSON.parse(script.stdout) as { success: boolean; 'error-message': string; error: Failure };
  expect(document).toMatchObject({ success: false, 'error-message': document.error.message });
  expect(text.stdout).toBe('');
  expect(text.stderr).toContain(`Error: ${document.error.message}`);
  expect(fingerprint(person.home)).toEqual(before);
  return document.error;
}
