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
