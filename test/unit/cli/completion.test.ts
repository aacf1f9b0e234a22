import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { type CommandInfo, completionScript } from '../../../src/cli/completion.ts';

const json = { json: { type: 'boolean', description: 'x' } };
const COMMANDS: readonly CommandInfo[] = [
  { id: 'ls', flags: { ...json, format: { type: 'option', options: ['default', 'json'] } } },
  { id: 'log', flags: { ...json, show: { type: 'boolean' }, inner: { type: 'option', hidden: true } } },
  { id: 'run', flags: { federation: { type: 'option' }, stream: { type: 'boolean' } } },
  { id: 'admin:grant', flags: json },
  { id: 'admin:grants', flags: json },
  { id: 'completion', args: { shell: { options: ['bash', 'fish'] } }, flags: json },
];

/** What a real bash would offer; the last word is the one being typed. */
function offered(...words: string[]): string {
  const program = `${completionScript('bash', COMMANDS)}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _fedctl; echo "\${COMPREPLY[*]}"`;
  return execFileSync('bash', ['--norc', '-c', program, 'bash', 'fedctl', ...words], { encoding: 'utf8' }).trim();
}

test.each([
  [['l'], 'log ls'],
  [['admin', ''], 'grant grants'],
  [['admin', 'grant', '--'], '--json'],
  [['log', '--'], '--json --show'],
  [['ls', '--format', ''], 'default json'],
  [['ls', '--json', '--format', 'j'], 'json'],
  [['completion', ''], 'bash fish'],
  // Folders and connections: bash goes on with files where nothing is offered.
  [['run', ''], ''],
  [['run', '--federation', ''], ''],
  [['run', '.', 'lab', '--s'], '--stream'],
])('bash completes %j with %j', (words, expected) => {
  expect(offered(...words)).toBe(expected);
});
