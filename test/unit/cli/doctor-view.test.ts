import { expect, test } from '@jest/globals';
import { failureOf, findingLines } from '../../../src/cli/doctor-view.ts';
import { type Finding, ok, warn } from '../../../src/cli/finding.ts';

const findings = [ok('tls', 'good'), warn('project', 'everybody can write it', 'Run: chmod go-w /a/long/path/name')];

test('one line per finding, its next step below', () => {
  expect(findingLines(findings)).toEqual([
    'ok    tls      good',
    'warn  project  everybody can write it',
    '               Run: chmod go-w /a/long/path/name',
  ]);
});

test('on a narrow terminal lines go on below, at the same column; paths stay whole', () => {
  expect(findingLines(findings, 40)).toEqual([
    'ok    tls      good',
    'warn  project  everybody can write it',
    '               Run: chmod go-w',
    '               /a/long/path/name',
  ]);
});

test('a fingerprint breaks between its bytes, aligned', () => {
  const [first, second] = [Array(16).fill('AB').join(':'), Array(16).fill('CD').join(':')];
  const found = ok('tls', `the authority has SHA-256 ${first}:${second}, in /a/path`);
  expect(findingLines([found], 80)).toEqual([
    'ok    tls  the authority has SHA-256',
    `           ${first}:`,
    `           ${second}, in /a/path`,
  ]);
  const narrow = findingLines([found], 40);
  expect(narrow.slice(1, 4)).toEqual([first, first, second].map((bytes) => `           ${bytes.slice(0, 23)}:`));
  expect(findingLines([found])).toHaveLength(1);
});

test('T-21: findings never carry what acts on a terminal', () => {
  expect(findingLines([ok('config', 'a\u001b[2Jb\nc')])).toEqual(['ok    config  ab c']);
});

test('--json: the first thing that fails is the error; warnings are none', () => {
  const fail: Finding = { name: 'tls', state: 'fail', text: 'Nothing listens.', hint: 'Check it.' };
  const message = 'tls: Nothing listens.';
  expect(failureOf([...findings, fail])).toEqual({
    'error-message': message,
    error: { code: 'UNHEALTHY', message, hint: 'Check it.' },
  });
  expect(failureOf(findings)).toEqual({});
});
